"""The REST API for programs: tokens with scopes, shapes that are also the OpenAPI document. Reads only so far."""
