//! Ctrl-C. While an operation is followed it ends the watching; at any other time it ends the process, as ever.

use crate::exit::Exit;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Pressed {
    is_awaited: AtomicBool,
    told: Notify,
}

static PRESSED: OnceLock<Arc<Pressed>> = OnceLock::new();

/// Clears the flag also where the future is dropped since the operation is over.
struct Awaited<'a>(&'a Pressed);

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.is_awaited.store(false, Ordering::SeqCst);
    }
}

/// Ends when Ctrl-C is pressed. Where no handler can be installed it never ends, and Ctrl-C ends the process.
pub async fn interrupted() {
    let pressed = PRESSED.get_or_init(listen);
    pressed.is_awaited.store(true, Ordering::SeqCst);
    let awaited = Awaited(pressed);
    awaited.0.told.notified().await;
}

fn listen() -> Arc<Pressed> {
    let pressed = Arc::new(Pressed::default());
    if let Ok(mut signals) = Signals::new([SIGINT]) {
        let heard = Arc::clone(&pressed);
        thread::spawn(move || {
            for _ in signals.forever() {
                if !heard.is_awaited.load(Ordering::SeqCst) {
                    std::process::exit(Exit::Stopped.code().into());
                }
                heard.told.notify_one();
            }
        });
    }
    pressed
}

#[cfg(test)]
mod tests {
    use super::interrupted;
    use crate::testing::block;
    use signal_hook::consts::SIGINT;
    use signal_hook::low_level::raise;

    #[test]
    fn ctrl_c_ends_the_wait_and_not_the_process() {
        block(async {
            let pressed = async {
                tokio::task::yield_now().await;
                raise(SIGINT).unwrap();
                std::future::pending::<()>().await;
            };
            // The first to be polled installs the handler.
            tokio::select! {
                biased;
                () = interrupted() => {}
                () = pressed => {}
            }
        });
    }
}
