//! Where one partition stands in this process, and what was read of it and not taken in yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::retry::{Backoff, RetryPolicy};
use crate::store::{Message, Partition};

/// How long a partition rests whose messages could not be taken in.
const REST: RetryPolicy = RetryPolicy::new(Duration::from_millis(200), Duration::from_secs(5));

/// One partition.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    /// The first message that was not taken in.
    pub(crate) next: i64,
    /// How often work on that message was begun; nothing while this process has not begun it.
    pub(crate) attempts: Option<i32>,
    /// Up to here messages are taken in one by one: one of them may be what others failed on.
    pub(crate) careful_until: i64,
    /// What was read and not taken in.
    pub(crate) queue: VecDeque<Message>,
    /// When it is tried again; nothing while all is well.
    pub(crate) rests_until: Option<Instant>,
    /// What it failed on last.
    pub(crate) failed_on: Option<String>,
    /// Nothing more was waiting when the client last asked.
    pub(crate) at_end: bool,
    /// Where the partition ended when that was last looked at.
    pub(crate) high: i64,
    backoff: Backoff,
}

impl Place {
    pub(crate) fn new(partition: Partition, next: i64, high: i64) -> Self {
        Self {
            partition,
            next,
            attempts: None,
            careful_until: next,
            queue: VecDeque::new(),
            rests_until: None,
            failed_on: None,
            at_end: false,
            high,
            backoff: REST.start(),
        }
    }

    /// Takes a message that was read, unless it was taken in already.
    pub(crate) fn read(&mut self, message: Message) {
        self.at_end = false;
        let after = self.queue.back().map_or(self.next, |last| last.offset + 1);
        if message.offset >= after {
            self.queue.push_back(message);
        }
    }

    /// Everything before `next` is taken in.
    pub(crate) fn move_on(&mut self, next: i64) {
        self.next = next;
        self.attempts = None;
        self.failed_on = None;
        self.rests_until = None;
        self.backoff.reset();
        self.queue.retain(|message| message.offset >= next);
    }

    /// It is to rest, because of this.
    pub(crate) fn rest(&mut self, failed_on: String) {
        self.failed_on = Some(failed_on);
        self.rests_until = Some(Instant::now() + self.backoff.next_wait());
    }

    /// It has something to do now.
    pub(crate) fn is_ready(&self, now: Instant) -> bool {
        !self.queue.is_empty() && self.rests_until.is_none_or(|until| until <= now)
    }

    /// How many messages are taken in together now.
    pub(crate) fn stride(&self, most: usize) -> usize {
        if self.next < self.careful_until { 1 } else { self.queue.len().min(most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new(Partition { group: "g".to_owned(), topic: "t".to_owned(), number: 0 }, 5, 9)
    }

    fn message(offset: i64) -> Message {
        Message { partition: place().partition, offset, key: None, headers: Vec::new(), body: None }
    }

    #[test]
    fn what_was_taken_in_or_read_already_is_not_read_again() {
        let mut place = place();
        for offset in [4, 5, 5, 7, 6, 8] {
            place.read(message(offset));
        }
        let offsets: Vec<i64> = place.queue.iter().map(|message| message.offset).collect();
        assert_eq!(offsets, [5, 7, 8], "a topic may have gaps, and goes one way");
        place.move_on(8);
        assert_eq!(place.queue.len(), 1);
    }

    #[test]
    fn a_resting_place_does_nothing_and_a_careful_one_takes_one_message_at_a_time() {
        let mut place = place();
        place.read(message(5));
        place.read(message(6));
        assert_eq!((place.is_ready(Instant::now()), place.stride(10)), (true, 2));
        place.careful_until = 6;
        assert_eq!(place.stride(10), 1);
        place.rest("a reason".to_owned());
        assert!(place.is_ready(Instant::now() + Duration::from_secs(1)));
        place.move_on(6);
        assert_eq!((place.failed_on.as_deref(), place.rests_until), (None, None));
    }
}
