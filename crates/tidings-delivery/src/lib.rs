//! The delivery engine: lanes, order, sending, verdicts, health, retention.
