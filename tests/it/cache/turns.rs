//! Turns at an inventory that takes only so many calls: counted by all replicas together, whatever else lies under the key.

use std::time::Duration;

use holdfast::cache::{Cache, Turn, Turns};
use holdfast::clock::SystemClock;
use holdfast::domain::{SourceName, TenantId};
use redis::AsyncCommands as _;
use uuid::Uuid;

use crate::support::counter::redis_cache;
use crate::support::redis::Redis;

const PATIENT: Duration = Duration::from_secs(2);

/// How many turns there are at once for somebody who will not wait.
async fn at_once(caches: &[Cache], tenant: Option<TenantId>, source: &SourceName, tries: usize) -> usize {
    let mut taken = 0;
    for n in 0..tries {
        let turns = Turns { tenant, source, per_second: 0.5, patience: Duration::ZERO };
        match caches[n % caches.len()].turn(&turns).await {
            Some(Turn::After(wait)) => {
                assert_eq!(wait, Duration::ZERO);
                taken += 1;
            }
            Some(Turn::TooFar(wait)) => assert!(wait > Duration::ZERO && wait <= Duration::from_secs(2), "{wait:?}"),
            None => panic!("a healthy Redis counts"),
        }
    }
    taken
}

fn source() -> SourceName {
    SourceName::parse("main").unwrap()
}

#[tokio::test]
async fn two_replicas_take_no_more_turns_together_than_one_may_alone() {
    let redis = Redis::start().await;
    let caches = [0, 1].map(|_| redis_cache(&redis.url(), PATIENT, SystemClock::shared()));
    // One call every two seconds: at once there is one, for both of them.
    assert_eq!(at_once(&caches, None, &source(), 6).await, 1);
    let (one, other) = (TenantId(Uuid::new_v4()), TenantId(Uuid::new_v4()));
    assert_eq!(at_once(&caches, Some(one), &source(), 6).await, 1);
    assert_eq!(at_once(&caches, Some(other), &source(), 6).await, 1, "another tenant has turns of its own");
    assert_eq!(at_once(&caches, None, &SourceName::parse("other").unwrap(), 6).await, 1);
}

#[tokio::test]
async fn over_a_stretch_the_shared_rate_holds() {
    let redis = Redis::start().await;
    let caches = [0, 1].map(|_| redis_cache(&redis.url(), PATIENT, SystemClock::shared()));
    let source = source();
    let begun = std::time::Instant::now();
    for n in 0..60 {
        let turns = Turns { tenant: None, source: &source, per_second: 40.0, patience: Duration::from_secs(60) };
        match caches[n % 2].turn(&turns).await {
            Some(Turn::After(wait)) => tokio::time::sleep(wait).await,
            other => panic!("{other:?}"),
        }
    }
    // A second's worth goes at once, the other twenty in step.
    assert!(begun.elapsed() >= Duration::from_millis(450), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn whatever_lies_under_the_key_nobody_is_kept_waiting_for_ever() {
    let redis = Redis::start().await;
    let caches = [redis_cache(&redis.url(), PATIENT, SystemClock::shared())];
    let mut connection = redis.connection().await;
    let key = "cpq:all:ratelimit:main";
    for rubbish in ["rubbish", "", "-1", "99999999999999999999"] {
        let () = connection.set(key, rubbish).await.unwrap();
        assert_eq!(at_once(&caches, None, &source(), 2).await, 1, "{rubbish:?}");
    }
    let () = connection.del(key).await.unwrap();
    let () = connection.lpush(key, "a list").await.unwrap();
    assert_eq!(at_once(&caches, None, &source(), 2).await, 1);
    let lives: i64 = connection.pttl(key).await.unwrap();
    assert!(lives > 0 && lives <= 4_000, "every key ends by itself: {lives}");
}

#[tokio::test]
async fn without_redis_there_is_no_shared_count_and_each_counts_for_itself() {
    let source = source();
    let turns = Turns { tenant: None, source: &source, per_second: 1.0, patience: Duration::ZERO };
    let away = redis_cache("redis://127.0.0.1:1", Duration::from_millis(100), SystemClock::shared());
    assert_eq!(away.turn(&turns).await, None);
    assert_eq!(Cache::Off.turn(&turns).await, None);
}
