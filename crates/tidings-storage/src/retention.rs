//! How long things are kept.

use serde::{Deserialize, Serialize};

/// Limits of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Settled deliveries and events older than this go.
    pub days: u32,
    /// Most deliveries kept; 0 = no limit.
    pub max_rows: u64,
    /// Most bytes of bodies and answers kept; 0 = no limit.
    pub max_bytes: u64,
    /// Held and parked deliveries older than this become `expired`.
    pub held_days: u32,
    /// Entries of the audit log older than this go.
    #[serde(default = "audit_days")]
    pub audit_days: u32,
}

/// A year; also of settings that were stored before there was an audit log.
const fn audit_days() -> u32 {
    365
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 30,
            max_rows: 0,
            max_bytes: 0,
            held_days: 90,
            audit_days: audit_days(),
        }
    }
}

/// What one step of retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries, events and old versions removed.
    pub removed: u64,
    /// Deliveries expired.
    pub expired: u64,
    /// Whether another step would find more.
    pub more: bool,
}
