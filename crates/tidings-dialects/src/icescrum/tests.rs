//! iceScrum.
