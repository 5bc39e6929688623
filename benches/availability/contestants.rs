//! What is measured: one kind of request each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Failure;
use crate::parts::Parts;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// The bare framework.
    Hello,
    /// A check of something that nobody has asked about: the inventory is called, the answer kept.
    Distinct,
    /// The same products for another quote each time: answered from a row, kept as a copy.
    Reused,
    /// The same quote again and again: answered from the cache.
    Shown,
    /// Evidence, read by its id.
    Read,
}

impl Contestant {
    pub(crate) const ALL: [Self; 5] = [Self::Hello, Self::Distinct, Self::Reused, Self::Shown, Self::Read];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello-world of the bare framework",
            Self::Distinct => "check, never asked before",
            Self::Reused => "check, asked for another quote",
            Self::Shown => "check, asked for this quote",
            Self::Read => "read evidence",
        }
    }
}

/// What came of a contestant.
pub(crate) struct Measured {
    pub(crate) contestant: Contestant,
    /// Microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Requests per second of each round.
    pub(crate) rates: Vec<f64>,
}

impl Measured {
    pub(crate) fn of(contestant: Contestant) -> Result<Self, Failure> {
        Ok(Self { contestant, latency: Histogram::new_with_bounds(1, 60_000_000, 3)?, rates: Vec::new() })
    }

    /// One round: so many requests, so many at once.
    pub(crate) async fn run(&mut self, parts: &Parts, requests: usize, at_once: usize, round: usize) -> Result<(), Failure> {
        let asking = Arc::new(Asking::prepare(self.contestant, parts, round).await?);
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut workers: JoinSet<Result<Vec<Duration>, Failure>> = JoinSet::new();
        for _ in 0..at_once {
            let (asking, next) = (Arc::clone(&asking), Arc::clone(&next));
            workers.spawn(async move {
                let mut took = Vec::with_capacity(requests / at_once + 1);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= requests {
                        return Ok(took);
                    }
                    let begun = Instant::now();
                    asking.ask(n).await?;
                    took.push(begun.elapsed());
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            for took in worker?? {
                self.latency.record(u64::try_from(took.as_micros())?.max(1))?;
            }
        }
        self.rates.push(requests as f64 / begun.elapsed().as_secs_f64());
        Ok(())
    }
}

/// What the requests of a round have in common.
struct Asking {
    contestant: Contestant,
    http: reqwest::Client,
    url: String,
    round: usize,
    lines: Value,
    quote: Uuid,
}

impl Asking {
    async fn prepare(contestant: Contestant, parts: &Parts, round: usize) -> Result<Self, Failure> {
        let url = match contestant {
            Contestant::Hello => parts.hello.clone(),
            _ => format!("{}/availability-checks", parts.api),
        };
        let lines = json!([line(&format!("sku-{round}"), 1), line("sim", 1)]);
        let mut asking = Self { contestant, http: parts.http.clone(), url, round, lines, quote: Uuid::new_v4() };
        if matches!(contestant, Contestant::Reused | Contestant::Shown | Contestant::Read) {
            let answer = asking.http.post(&asking.url).header("Idempotency-Key", key()).json(&asking.body(asking.quote)).send().await?;
            let status = answer.status();
            let said = answer.text().await?;
            if status != StatusCode::CREATED {
                return Err(format!("the first check was answered {status}: {said}").into());
            }
            let evidence: Value = serde_json::from_str(&said)?;
            if contestant == Contestant::Read {
                let id = evidence["evidenceId"].as_str().ok_or("the evidence has no id")?;
                asking.url = format!("{}/{id}", asking.url);
            }
        }
        Ok(asking)
    }

    async fn ask(&self, n: usize) -> Result<(), Failure> {
        let (request, expected): (RequestBuilder, StatusCode) = match self.contestant {
            Contestant::Hello | Contestant::Read => (self.http.get(&self.url), StatusCode::OK),
            Contestant::Distinct => {
                let product = format!("distinct-{}-{n}", self.round);
                let lines = json!([line(&product, 1), line("sim", 1)]);
                (self.http.post(&self.url).json(&json!({ "quoteId": Uuid::new_v4(), "lines": lines })), StatusCode::CREATED)
            }
            Contestant::Reused => (self.http.post(&self.url).json(&self.body(Uuid::new_v4())), StatusCode::CREATED),
            Contestant::Shown => (self.http.post(&self.url).json(&self.body(self.quote)), StatusCode::CREATED),
        };
        let request = if expected == StatusCode::CREATED { request.header("Idempotency-Key", key()) } else { request };
        let answer = request.send().await?;
        let status = answer.status();
        let said = answer.bytes().await?;
        if status == expected { Ok(()) } else { Err(format!("answered {status}: {}", String::from_utf8_lossy(&said)).into()) }
    }

    fn body(&self, quote: Uuid) -> Value {
        json!({ "quoteId": quote, "quoteRevision": 1, "lines": self.lines })
    }
}

fn line(product: &str, quantity: u32) -> Value {
    json!({ "orderLineId": Uuid::new_v4(), "productOfferingId": product, "quantity": quantity })
}

fn key() -> String {
    format!("\"{}\"", Uuid::new_v4())
}
