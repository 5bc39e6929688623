//! Shares commits: whatever waits when a transaction ends goes into the next one together.
//!
//! Nobody waits for company. A lone request is written at once; under load the requests that arrived during one commit
//! make up the next. That is how two commits per effect become two commits per handful of effects.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// The most requests in one transaction: enough to make the commit cheap, few enough to keep it short.
const MOST: usize = 64;

type Told<Answer> = oneshot::Sender<Result<Answer, StoreError>>;

struct Waiting<Request, Answer> {
    request: Request,
    answer: Told<Answer>,
}

/// A queue in front of one kind of transaction.
pub(crate) struct Batcher<Request, Answer> {
    queue: mpsc::Sender<Waiting<Request, Answer>>,
}

impl<Request, Answer> Clone for Batcher<Request, Answer> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<Request: Clone + Send + Sync + 'static, Answer: Send + 'static> Batcher<Request, Answer> {
    /// Starts the queue. `write` gets a batch and returns one answer per request in the same order, or writes nothing at all.
    pub(crate) fn start<Write, Written>(write: Write) -> Self
    where
        Write: Fn(Arc<Vec<Request>>) -> Written + Send + Sync + 'static,
        Written: Future<Output = Result<Vec<Result<Answer, StoreError>>, StoreError>> + Send,
    {
        let (queue, mut waiting) = mpsc::channel::<Waiting<Request, Answer>>(1024);
        tokio::spawn(async move {
            let mut taken = Vec::with_capacity(MOST);
            while waiting.recv_many(&mut taken, MOST).await > 0 {
                run(&write, std::mem::take(&mut taken)).await;
            }
        });
        Self { queue }
    }

    /// Writes one request, together with whatever else is waiting.
    pub(crate) async fn write(&self, request: Request) -> Result<Answer, StoreError> {
        let (answer, told) = oneshot::channel();
        self.queue.send(Waiting { request, answer }).await.map_err(|_| StoreError::Closing)?;
        told.await.map_err(|_| StoreError::Closing)?
    }
}

async fn run<Request, Answer, Write, Written>(write: &Write, taken: Vec<Waiting<Request, Answer>>)
where
    Request: Clone,
    Write: Fn(Arc<Vec<Request>>) -> Written,
    Written: Future<Output = Result<Vec<Result<Answer, StoreError>>, StoreError>>,
{
    let (requests, senders): (Vec<_>, Vec<_>) = taken.into_iter().map(|w| (w.request, w.answer)).unzip();
    let requests = Arc::new(requests);
    match write(Arc::clone(&requests)).await {
        Ok(answers) => {
            for (sender, answer) in senders.into_iter().zip(answers) {
                // Whoever asked may have been cancelled meanwhile; what is written stays written.
                drop(sender.send(answer));
            }
        }
        Err(error) if senders.len() == 1 || error.is_away() => {
            for sender in senders {
                drop(sender.send(Err(error.clone())));
            }
        }
        Err(_) => each_alone(write, &requests, senders).await,
    }
}

/// One request that the database refuses must not take the others with it.
async fn each_alone<Request, Answer, Write, Written>(write: &Write, requests: &[Request], senders: Vec<Told<Answer>>)
where
    Request: Clone,
    Write: Fn(Arc<Vec<Request>>) -> Written,
    Written: Future<Output = Result<Vec<Result<Answer, StoreError>>, StoreError>>,
{
    for (request, sender) in requests.iter().zip(senders) {
        let answer = match write(Arc::new(vec![request.clone()])).await {
            Ok(mut answers) => answers.pop().unwrap_or(Err(StoreError::Closing)),
            Err(error) => Err(error),
        };
        drop(sender.send(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn what_waits_during_one_write_goes_into_the_next_together() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let batcher = {
            let (sizes, entered, go) = (Arc::clone(&sizes), Arc::clone(&entered), Arc::clone(&go));
            Batcher::start(move |batch: Arc<Vec<u32>>| {
                let (sizes, entered, go) = (Arc::clone(&sizes), Arc::clone(&entered), Arc::clone(&go));
                async move {
                    sizes.lock().unwrap().push(batch.len());
                    entered.notify_one();
                    go.notified().await;
                    Ok(batch.iter().map(|n| Ok(n * 2)).collect())
                }
            })
        };
        let first = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.write(1).await.unwrap() }
        });
        entered.notified().await;
        let mut rest = futures::future::join_all((2..5).map(|n| batcher.write(n)));
        // Polling once queues all three while the first write is still held up.
        assert!(futures::poll!(&mut rest).is_pending());
        go.notify_one();
        assert_eq!(first.await.unwrap(), 2);
        go.notify_one();
        let rest: Vec<_> = rest.await.into_iter().map(Result::unwrap).collect();
        assert_eq!((rest, sizes.lock().unwrap().clone()), (vec![4, 6, 8], vec![1, 3]));
    }

    #[tokio::test]
    async fn everybody_in_a_transaction_that_fails_hears_why() {
        let gate = Arc::new(Notify::new());
        let batcher = {
            let gate = Arc::clone(&gate);
            Batcher::<u32, u32>::start(move |batch: Arc<Vec<u32>>| {
                let gate = Arc::clone(&gate);
                async move {
                    if batch.as_slice() == [0] {
                        gate.notified().await;
                    }
                    Err(StoreError::during("settle")(sqlx::Error::PoolTimedOut))
                }
            })
        };
        let mut all = futures::future::join_all([0, 1, 2, 3].map(|n| batcher.write(n)));
        assert!(futures::poll!(&mut all).is_pending());
        gate.notify_one();
        for told in all.await {
            assert!(matches!(told, Err(StoreError::Away { during: "settle", .. })), "{told:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_request_does_not_take_its_neighbours_with_it() {
        let gate = Arc::new(Notify::new());
        let batcher = {
            let gate = Arc::clone(&gate);
            Batcher::start(move |batch: Arc<Vec<u32>>| {
                let gate = Arc::clone(&gate);
                async move {
                    if batch.as_slice() == [0] {
                        gate.notified().await;
                    }
                    if batch.contains(&13) {
                        return Err(StoreError::EarlierAttemptLives);
                    }
                    Ok(batch.iter().map(|n| Ok(*n)).collect())
                }
            })
        };
        let mut all = futures::future::join_all([0, 12, 13, 14].map(|n| batcher.write(n)));
        assert!(futures::poll!(&mut all).is_pending());
        gate.notify_one();
        let answers: Vec<bool> = all.await.into_iter().map(|answer| answer.is_ok()).collect();
        assert_eq!(answers, [true, true, false, true]);
    }
}
