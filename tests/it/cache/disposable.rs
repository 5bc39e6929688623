//! The same story with Redis down, killed half way, frozen, slow, full, lying, emptied, or holding what is wrong or old.

use std::time::Duration;

use holdfast::cache::Cache;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::script::{Decisions, play};
use crate::support::counter::{Counter, redis_cache};
use crate::support::redis::Redis;

/// So short that an ill Redis costs the test little. A healthy one that takes longer is as good as an ill one, and no decision minds.
const HASTY: Duration = Duration::from_millis(100);

async fn without_redis(counter: &mut Counter) -> Decisions {
    let replica = counter.replica(Cache::Off).await;
    let decisions = play(counter, &replica, async |_, _| {}).await;
    let told: Vec<_> = decisions.iter().map(|(_, told, _)| told.as_str()).collect();
    assert_eq!(
        told,
        [
            "AVAILABLE FRESH",
            "AVAILABLE REUSED",
            "AVAILABLE REUSED",
            "PARTIALLY_AVAILABLE FRESH",
            "PARTIALLY_AVAILABLE REUSED",
            "PARTIALLY_AVAILABLE FRESH",
            "AVAILABLE FRESH"
        ]
    );
    decisions
}

async fn command(connection: &mut MultiplexedConnection, words: &[&str]) -> redis::RedisResult<redis::Value> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query_async(connection).await
}

#[tokio::test]
async fn a_healthy_redis_changes_no_decision_and_is_used() {
    let (mut counter, redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache(&redis.url(), Duration::from_secs(2), counter.shared_clock())).await;
    let mut seen = 0;
    let decisions = play(&mut counter, &replica, async |_, keys| {
        let exists: bool = redis.connection().await.exists(&keys.evidence).await.unwrap();
        seen += usize::from(exists);
    })
    .await;
    assert_eq!(decisions, expected);
    assert!(seen > 0, "the evidence was in Redis at some step");
    let (well, says) = replica.cache_health().await.unwrap();
    assert!(well, "{says}");
}

#[tokio::test]
async fn a_redis_that_was_never_there_changes_no_decision() {
    let mut counter = Counter::open().await;
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache("redis://127.0.0.1:1", HASTY, counter.shared_clock())).await;
    assert_eq!(play(&mut counter, &replica, async |_, _| {}).await, expected);
    assert!(!replica.cache_health().await.unwrap().0);
}

#[tokio::test]
async fn a_redis_that_is_killed_half_way_and_comes_back_empty_changes_no_decision() {
    let (mut counter, mut redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache(&redis.url(), HASTY, counter.shared_clock())).await;
    let decisions = play(&mut counter, &replica, async |step, _| match step {
        "third look" | "stock is gone, third look" => redis.kill(),
        "order" => redis.launch().await,
        _ => {}
    })
    .await;
    assert_eq!(decisions, expected);
}

#[tokio::test]
async fn a_frozen_and_a_slow_redis_change_no_decision_and_cost_a_bounded_time() {
    let (mut counter, redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache(&redis.url(), HASTY, counter.shared_clock())).await;
    redis.signal("STOP");
    let begun = std::time::Instant::now();
    let decisions = play(&mut counter, &replica, async |_, _| {}).await;
    redis.signal("CONT");
    assert_eq!(decisions, expected);
    // Three time-outs open the breaker; the manual clock stands still, so that it stays open.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    let replica = counter.replica(redis_cache(&redis.url(), HASTY, counter.shared_clock())).await;
    let mut connection = redis.connection().await;
    let decisions = play(&mut counter, &replica, async |_, _| {
        // Every answer comes, and each of them later than anybody waits.
        command(&mut connection, &["CLIENT", "PAUSE", "300", "ALL"]).await.unwrap();
    })
    .await;
    assert_eq!(decisions, expected);
}

#[tokio::test]
async fn a_full_redis_changes_no_decision() {
    let (mut counter, redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache(&redis.url(), HASTY, counter.shared_clock())).await;
    let mut connection = redis.connection().await;
    command(&mut connection, &["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    command(&mut connection, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await.unwrap();
    let full = command(&mut connection, &["SET", "a", "b"]).await.unwrap_err();
    assert!(full.to_string().contains("OOM"), "{full}");
    assert_eq!(play(&mut counter, &replica, async |_, _| {}).await, expected);
    assert!(replica.cache_health().await.unwrap().0, "a full Redis is no dead Redis");
}

#[tokio::test]
async fn rubbish_wrong_types_and_sudden_emptiness_change_no_decision() {
    let (mut counter, redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    for mischief in ["rubbish", "bytes", "list", "half", "empty", "flush"] {
        let replica = counter.replica(redis_cache(&redis.url(), Duration::from_secs(2), counter.shared_clock())).await;
        let decisions = play(&mut counter, &replica, async |_, keys| {
            let mut connection = redis.connection().await;
            if mischief == "flush" {
                command(&mut connection, &["FLUSHALL"]).await.unwrap();
                return;
            }
            for key in [&keys.evidence, &keys.inflight] {
                let was: Option<String> = connection.get(key).await.unwrap_or_default();
                let () = connection.del(key).await.unwrap();
                let () = match mischief {
                    "rubbish" => connection.set(key, "{\"layout\":1}").await.unwrap(),
                    "bytes" => connection.set(key, &[0xff_u8, 0xfe, 0x00][..]).await.unwrap(),
                    "half" => connection.set(key, &was.unwrap_or_else(|| "x".to_owned())[..1]).await.unwrap(),
                    "empty" => connection.set(key, "").await.unwrap(),
                    _ => connection.lpush(key, "x").await.unwrap(),
                };
            }
        })
        .await;
        assert_eq!(decisions, expected, "{mischief}");
    }
}

#[tokio::test]
async fn what_was_true_before_the_recheck_changes_no_decision_when_it_is_put_back() {
    let (mut counter, redis) = (Counter::open().await, Redis::start().await);
    let expected = without_redis(&mut counter).await;
    let replica = counter.replica(redis_cache(&redis.url(), Duration::from_secs(2), counter.shared_clock())).await;
    let (mut old, mut put_back) = (None::<String>, 0);
    let decisions = play(&mut counter, &replica, async |step, keys| {
        let mut connection = redis.connection().await;
        if step == "second look" {
            old = connection.get(&keys.evidence).await.unwrap();
        } else if let Some(old) = &old {
            let () = connection.set(&keys.evidence, old).await.unwrap();
            put_back += 1;
        }
    })
    .await;
    assert_eq!(decisions, expected);
    assert!(old.unwrap().contains("\"AVAILABLE\"") && put_back == 5, "the old value really was there");
}

#[tokio::test]
async fn a_server_that_is_no_redis_changes_no_decision() {
    let mut counter = Counter::open().await;
    let expected = without_redis(&mut counter).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let liar = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0_u8; 1024];
                while stream.read(&mut heard).await.is_ok_and(|n| n > 0)
                    && stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.is_ok()
                {}
            });
        }
    });
    let replica = counter.replica(redis_cache(&url, HASTY, counter.shared_clock())).await;
    assert_eq!(play(&mut counter, &replica, async |_, _| {}).await, expected);
    liar.abort();
}
