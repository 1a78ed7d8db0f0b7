//! The HTTP surface: REST API, OpenAPI, metrics and health.
