//! How many partitions topics have, as far as a client knows, and which of them a key goes to: a producer chooses that by itself, and tells
//! nobody before the broker's word.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde::de::IgnoredAny;

/// How often a client says what it knows.
pub(super) const SAYS_EVERY_MS: &str = "1000";

/// How many partitions topics have; clones look at the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Partitions(Arc<Mutex<HashMap<String, i32>>>);

/// What the client's statistics say of it.
#[derive(Deserialize)]
struct Statistics {
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct TopicStatistics {
    /// By number; what has no partition yet is under -1.
    partitions: HashMap<i32, IgnoredAny>,
}

impl Partitions {
    /// The partition of a key; nothing before the number of partitions is known.
    pub(super) fn of(&self, topic: &str, key: &str) -> Option<i32> {
        Some(partition(key, self.count(topic)?))
    }

    /// How many partitions a topic has; nothing before that is known.
    pub(super) fn count(&self, topic: &str) -> Option<i32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied()
    }

    /// Reads the client's statistics. Metadata of one topic would say the same, but rdkafka 0.39 lets go of its handle of the topic before
    /// it asks with it.
    pub(super) fn learn(&self, statistics: &[u8]) {
        let Ok(read) = serde_json::from_slice::<Statistics>(statistics) else { return };
        let counted = read.topics.into_iter().filter_map(|(name, topic)| {
            let count = topic.partitions.keys().filter(|number| **number >= 0).count();
            Some((name, i32::try_from(count).ok().filter(|count| *count > 0)?))
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(counted);
    }
}

/// The partition that a Java producer chooses for a key, and ours with it (`murmur2_random`).
fn partition(key: &str, count: i32) -> i32 {
    i32::try_from(murmur2(key.as_bytes()) & 0x7fff_ffff).unwrap_or_default() % count
}

/// The hash of Kafka's clients.
fn murmur2(key: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    let words = key.chunks_exact(4);
    let rest = words.remainder();
    let mut hash = 0x9747_b28c ^ u32::try_from(key.len()).unwrap_or_default();
    for word in words {
        let mut word = word.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte)).wrapping_mul(MIX);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MIX) ^ word.wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_known_once_the_client_has_counted_them() {
        let partitions = Partitions::default();
        partitions.learn(
            br#"{"name": "c", "topics": {"missing": {"partitions": {"-1": {}}}, "facts": {"partitions": {"0": {}, "1": {}, "-1": {}}}}}"#,
        );
        partitions.learn(b"{}");
        assert_eq!((partitions.of("facts", "abc"), partitions.of("missing", "abc")), (Some(1), None));
    }

    /// The examples of Kafka's own test.
    #[test]
    fn the_hash_is_that_of_kafkas_clients() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }
}
