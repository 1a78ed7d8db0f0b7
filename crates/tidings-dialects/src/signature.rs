//! Signatures: the vendors' HMACs and Standard Webhooks.
