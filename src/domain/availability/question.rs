//! What is asked about availability, and how an answer to it serves the same question with other line ids.

use crate::domain::{LineAvailability, OrderLine, RequestError, SourceName, TenantId, check_lines};

/// Everything that may change an inventory's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityQuestion {
    /// Whose question it is.
    pub tenant: TenantId,
    /// The inventory to ask.
    pub source: SourceName,
    /// What is asked about.
    pub lines: Vec<OrderLine>,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// The sales channel.
    pub channel: Option<String>,
}

impl AvailabilityQuestion {
    /// Checks what can only be seen over all lines.
    ///
    /// # Errors
    /// The first rule that the lines break.
    pub fn check(&self) -> Result<(), RequestError> {
        check_lines(&self.lines)
    }

    /// What was told about equal lines, told about the lines of this question.
    ///
    /// Two quotes of the same products have lines of different ids. The answer is the same: which of two equal lines gets which
    /// part of it does not matter. Nothing if the lines are not equal.
    #[must_use]
    pub fn retold(&self, told: &[LineAvailability]) -> Option<Vec<LineAvailability>> {
        if told.len() != self.lines.len() {
            return None;
        }
        let same_ids = |line: &OrderLine| told.iter().find(|t| t.order_line == line.order_line && t.asked() == *line);
        if let Some(lines) = self.lines.iter().map(same_ids).collect::<Option<Vec<_>>>() {
            return Some(lines.into_iter().cloned().collect());
        }
        let mut left: Vec<&LineAvailability> = told.iter().collect();
        let mut take = |line: &OrderLine| {
            let equal = |t: &&LineAvailability| {
                t.product_offering == line.product_offering && t.requested == line.quantity && t.location == line.location
            };
            let at = left.iter().position(equal)?;
            Some(LineAvailability { order_line: line.order_line, ..left.remove(at).clone() })
        };
        self.lines.iter().map(&mut take).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AvailabilityStatus;
    use crate::domain::availability::line::tests::line;
    use uuid::Uuid;

    fn question(lines: Vec<OrderLine>) -> AvailabilityQuestion {
        AvailabilityQuestion {
            tenant: TenantId(Uuid::from_u128(1)),
            source: SourceName::parse("main").unwrap(),
            lines,
            customer: None,
            location: None,
            channel: None,
        }
    }

    #[test]
    fn an_answer_serves_equal_lines_under_other_ids_and_no_others() {
        let short = LineAvailability { status: AvailabilityStatus::Unavailable, ..line(2, "5") };
        let told = [line(1, "1"), short];
        let other = |n: u128, at: usize| OrderLine { order_line: line(n, "1").order_line, ..told[at].asked() };
        let retold = question(vec![other(8, 1), other(9, 0)]).retold(&told).unwrap();
        let seen: Vec<_> = retold.iter().map(|line| (line.order_line.0.as_u128(), line.status)).collect();
        assert_eq!(seen, [(8, AvailabilityStatus::Unavailable), (9, AvailabilityStatus::Available)]);
        assert_eq!(question(vec![other(8, 0)]).retold(&told), None);
        assert_eq!(question(vec![other(8, 0), other(9, 0)]).retold(&told), None);
        let place = OrderLine { location: Some("BER".into()), ..other(9, 0) };
        assert_eq!(question(vec![other(8, 1), place]).retold(&told), None);
    }
}
