//! The sample project that catalogue, test sends and golden files are rendered from.
