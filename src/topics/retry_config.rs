//! How often and how soon a task is offered again when nothing was sent: `R3/PT1M`, `PT10S,PT1M`, `R3/PT10S,PT1M`.

use std::time::Duration;

/// Pauses before the attempts that follow a failed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    retries: u32,
    pauses: Vec<Duration>,
}

/// The text is not a retry configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a retry configuration: write R3/PT1M (three more attempts, a minute apart) or PT10S,PT1M (a pause for each)")]
pub struct RetryConfigError(String);

impl RetryConfig {
    /// Reads Camunda's forms: `R<n>/<duration>[,<duration>…]` or `<duration>[,<duration>…]`. The last pause repeats.
    ///
    /// # Errors
    /// [`RetryConfigError`] for anything else, for more than 1,000 attempts and for pauses over a day.
    pub fn parse(text: &str) -> Result<Self, RetryConfigError> {
        let wrong = || RetryConfigError(text.chars().take(60).collect());
        let trimmed = text.trim();
        let (retries, list) = match trimmed.split_once('/') {
            Some((count, list)) => (Some(count.strip_prefix('R').and_then(|n| n.parse::<u32>().ok()).ok_or_else(wrong)?), list),
            None => (None, trimmed),
        };
        let pauses = list
            .split(',')
            .map(|pause| iso_seconds(pause.trim()).and_then(|s| u64::try_from(s).ok()).filter(|s| *s <= 86_400).map(Duration::from_secs))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(wrong)?;
        let retries = retries.unwrap_or_else(|| u32::try_from(pauses.len()).unwrap_or(u32::MAX));
        if (1..=1_000).contains(&retries) && pauses.len() <= 1_000 { Ok(Self { retries, pauses }) } else { Err(wrong()) }
    }

    /// What to tell the engine after a failed attempt, given the retries the task has left (nothing on its first failure):
    /// how many are left now, and how long to wait. None left: the next failure is an incident.
    #[must_use]
    pub fn after_failure(&self, left: Option<i32>) -> (u32, Duration) {
        let left = match left {
            None => self.retries,
            Some(left) => u32::try_from(left.max(0)).unwrap_or(0).saturating_sub(1),
        };
        let used = usize::try_from(self.retries.saturating_sub(left)).unwrap_or(usize::MAX);
        let pause = self.pauses.get(used).or(self.pauses.last()).copied().unwrap_or_default();
        (left, pause)
    }
}

/// The whole seconds of an ISO-8601 duration of days, hours, minutes and seconds; nothing for any other text. Years and months
/// have no fixed length and are not taken.
pub(crate) fn iso_seconds(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let mut seconds: i64 = 0;
    let mut parts = 0;
    let mut read = |mut text: &str, units: &[(char, i64)]| -> Option<()> {
        let mut units = units.iter();
        while !text.is_empty() {
            let end = text.find(|c: char| !c.is_ascii_digit())?;
            let number: i64 = text.get(..end)?.parse().ok()?;
            let unit = text.get(end..)?.chars().next()?;
            let (_, worth) = units.find(|(name, _)| *name == unit)?;
            seconds = seconds.checked_add(number.checked_mul(*worth)?)?;
            text = text.get(end + unit.len_utf8()..)?;
            parts += 1;
        }
        Some(())
    };
    read(days, &[('W', 604_800), ('D', 86_400)])?;
    if let Some(time) = time {
        if time.is_empty() {
            return None;
        }
        read(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    }
    (parts > 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_by_their_units_in_order() {
        assert_eq!(iso_seconds("PT1M"), Some(60));
        assert_eq!(iso_seconds("P1DT12H30M5S"), Some(86_400 + 12 * 3_600 + 30 * 60 + 5));
        assert_eq!(iso_seconds("P2W"), Some(1_209_600));
        for text in ["", "P", "PT", "1M", "PT1", "PTM", "PT1S1M", "P1Y", "PT1.5S", "PT-1S", "PT99999999999999999999S"] {
            assert_eq!(iso_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn retries_count_down_from_the_configured_number_to_none() {
        let config = RetryConfig::parse("R3/PT1M").unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(config.after_failure(None), (3, minute));
        assert_eq!(config.after_failure(Some(3)), (2, minute));
        assert_eq!(config.after_failure(Some(1)), (0, minute));
        assert_eq!(config.after_failure(Some(0)), (0, minute));
    }

    #[test]
    fn a_list_of_pauses_is_used_in_order_and_its_last_repeats() {
        let config = RetryConfig::parse("PT1S,PT10S").unwrap();
        assert_eq!(config.after_failure(None), (2, Duration::from_secs(1)));
        assert_eq!(config.after_failure(Some(2)), (1, Duration::from_secs(10)));
        let config = RetryConfig::parse("R4/PT1S,PT10S").unwrap();
        assert_eq!(config.after_failure(Some(2)), (1, Duration::from_secs(10)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "R3", "R/PT1M", "3/PT1M", "R0/PT1M", "R9999/PT1M", "PT1M,", "P2D"] {
            assert!(RetryConfig::parse(text).is_err(), "{text}");
        }
    }
}
