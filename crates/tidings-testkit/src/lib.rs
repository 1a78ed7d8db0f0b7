//! Receivers, name servers and worlds for tests; never part of the binary.
