//! Moves long work off the threads that serve connections.

/// Runs `work` here when it is `short`, else on the runtime's pool of threads for blocking work.
///
/// The bound that callers draw is about 500 µs: below it, the two thread switches (some 20 µs) and the delay of other
/// connections weigh about the same.
pub async fn run<T: Send + 'static>(short: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if short {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The pool drops work only when the runtime is shut down, and then this future is dropped as well.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn short_work_stays_and_long_work_leaves() {
        let here = std::thread::current().id();
        assert_eq!(super::run(true, || std::thread::current().id()).await, here);
        assert_ne!(super::run(false, || std::thread::current().id()).await, here);
    }
}
