//! Being told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, which end nothing by themselves any more.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn heed() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next; says which.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "interrupt",
        }
    }
}

/// Waits for Ctrl-C or SIGTERM; says which.
pub(crate) async fn interrupted() -> &'static str {
    if let Ok(mut signals) = Signals::heed() {
        signals.next().await
    } else {
        tokio::signal::ctrl_c().await.ok();
        "interrupt"
    }
}
