//! Doing something asynchronous while a test is being torn down.

/// Runs something asynchronous to its end where nothing can be awaited.
pub(crate) fn on_a_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().ok().map(|runtime| runtime.block_on(work));
    std::thread::spawn(run).join().ok().flatten()
}
