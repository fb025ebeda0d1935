"""The production configuration of Asterisk: rendered, and loaded by a real one."""
