"""What operators and browsers meet: the Flask application, the command line, and the one place that wires all parts.

Sends commands and reads queries; never touches a line.
"""
