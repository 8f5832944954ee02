"""The API as data: every operation with parameters, bodies, answers and permission, and the OpenAPI document."""
