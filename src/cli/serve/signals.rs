//! The signals that stop the service.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Time for a shutdown beyond the drain: the embedded PostgreSQL stops after the last request.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(20);

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Handles the signals from now on.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Completes with the first signal. After it, a second one or a shutdown that takes too long exits the process.
    pub(super) async fn shutdown_requested(mut self, longest_drain: Duration) {
        self.next().await;
        tracing::info!("shutdown requested");
        // A thread, because a runtime that hangs runs no task.
        std::thread::spawn(move || {
            let deadline = Instant::now() + longest_drain + SHUTDOWN_MARGIN;
            while let left = deadline.saturating_duration_since(Instant::now())
                && !left.is_zero()
            {
                std::thread::park_timeout(left);
            }
            std::process::exit(1);
        });
        tokio::spawn(async move {
            let signal = self.next().await;
            std::process::exit(128 + signal);
        });
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        };
        kind.as_raw_value()
    }
}
