//! A future that is carried out to its end, whatever becomes of who waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future panicked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs on the task that waits for it, which costs no task of its own; when that is dropped before the end, one takes over.
pub(crate) struct ToTheEnd<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> ToTheEnd<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToTheEnd<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.0.as_mut() else {
            return Poll::Ready(Err(Panicked));
        };
        // A future that panicked is never looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_) => Err(Panicked),
        };
        self.0 = None;
        Poll::Ready(ended)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToTheEnd<F> {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if let (Some(future), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_waited_for_ends_here() {
        assert_eq!(ToTheEnd::new(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let broken = ToTheEnd::new(async { panic!("planted") });
        assert_eq!(broken.await, Err::<(), _>(Panicked));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_goes_on() {
        let (start, begun) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let mut future = Box::pin(ToTheEnd::new(async move {
            begun.await.unwrap();
            end.send("done").unwrap();
        }));
        let waker = std::task::Waker::noop();
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_pending()
        );
        drop(future);
        start.send(()).unwrap();
        assert_eq!(ended.await, Ok("done"));
    }
}
