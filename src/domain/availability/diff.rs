//! What changed between two checks, line by line, and why.

use std::fmt::Display;

use crate::domain::{AvailabilityEvidence, AvailabilityStatus, EvidenceId, LineAvailability, OrderLineId};

/// What a later check says differently from an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The earlier evidence; nothing if nobody had asked.
    pub before: Option<EvidenceId>,
    /// The later evidence.
    pub after: EvidenceId,
    /// The verdict of the earlier evidence, as it was said.
    pub status_before: AvailabilityStatus,
    /// The verdict of the later evidence.
    pub status_after: AvailabilityStatus,
    /// The earlier evidence had expired when the later one was asked for.
    pub had_expired: bool,
    /// The lines that changed; the others are left out.
    pub lines: Vec<LineDiff>,
}

/// What changed of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineDiff {
    /// The line, by the later evidence's id; by the earlier one's where it is gone.
    pub order_line: OrderLineId,
    /// What is asked about.
    pub product_offering: String,
    /// Less can be had of it than before, as far as anybody knows.
    pub worse: bool,
    /// What changed.
    pub changes: Vec<Change>,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub what: Trait,
    /// How it was; nothing if there was none.
    pub before: Option<String>,
    /// How it is; nothing if there is none.
    pub after: Option<String>,
    /// Why.
    pub cause: ChangeCause,
}

macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling that others read.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

spelled! {
    /// What about a line can change.
    Trait {
        /// The verdict.
        Status = "STATUS",
        /// How much there is.
        Quantity = "QUANTITY",
        /// Where it would come from.
        Location = "LOCATION",
        /// What could be had instead.
        Alternate = "ALTERNATE",
        /// From when on it can be had.
        Time = "TIME",
        /// What is asked about: the product, how much of it, where.
        Configuration = "CONFIGURATION",
    }
}

spelled! {
    /// Why it changed.
    ChangeCause {
        /// There is less than before.
        StockFell = "STOCK_FELL",
        /// There is more than before.
        StockRose = "STOCK_ROSE",
        /// The inventory judges otherwise, and gives no number that would say why.
        SourceSaysSo = "SOURCE_SAYS_SO",
        /// The inventory was asked and nothing is known now.
        SourceDidNotAnswer = "SOURCE_DID_NOT_ANSWER",
        /// Nothing was known before.
        NotKnownBefore = "NOT_KNOWN_BEFORE",
        /// Nobody had asked before.
        NotCheckedBefore = "NOT_CHECKED_BEFORE",
        /// The inventory offers something else.
        OfferChanged = "OFFER_CHANGED",
        /// The line is new.
        LineAdded = "LINE_ADDED",
        /// The line is gone.
        LineRemoved = "LINE_REMOVED",
        /// Another product is asked about.
        ProductChanged = "PRODUCT_CHANGED",
        /// Another quantity is asked for.
        QuantityAskedChanged = "QUANTITY_ASKED_CHANGED",
        /// Another place is asked for.
        PlaceAskedChanged = "PLACE_ASKED_CHANGED",
    }
}

impl Diff {
    /// Compares two checks. Without an earlier one, every line is one that nobody had asked about.
    #[must_use]
    pub fn between(before: Option<&AvailabilityEvidence>, after: &AvailabilityEvidence) -> Self {
        let mut earlier: Vec<&LineAvailability> = before.map(|evidence| evidence.lines.iter().collect()).unwrap_or_default();
        let mut pairs: Vec<(Option<&LineAvailability>, &LineAvailability)> = Vec::with_capacity(after.lines.len());
        let mut unpaired = Vec::new();
        for line in &after.lines {
            match earlier.iter().position(|b| b.order_line == line.order_line) {
                Some(at) => pairs.push((Some(earlier.remove(at)), line)),
                None => unpaired.push(line),
            }
        }
        // An order's lines may have other ids than the quote's: then the same product in the same place is the same line.
        for line in unpaired {
            let same = |b: &&LineAvailability| b.product_offering == line.product_offering && b.location == line.location;
            pairs.push((earlier.iter().position(same).map(|at| earlier.remove(at)), line));
        }
        let mut lines: Vec<LineDiff> = pairs.into_iter().filter_map(|(b, a)| line_diff(b, a, before.is_some())).collect();
        lines.extend(earlier.into_iter().map(removed));
        Self {
            before: before.map(|evidence| evidence.id),
            after: after.id,
            status_before: before.map_or(AvailabilityStatus::NotChecked, |evidence| evidence.status),
            status_after: after.status,
            had_expired: before.is_some_and(|evidence| evidence.expires_at <= after.checked_at),
            lines,
        }
    }

    /// Of some line, less can be had than before.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.lines.iter().any(|line| line.worse)
    }
}

/// How good a verdict is; more is better.
fn rank(status: AvailabilityStatus) -> u8 {
    match status {
        AvailabilityStatus::Available => 3,
        AvailabilityStatus::PartiallyAvailable => 2,
        AvailabilityStatus::Unavailable => 1,
        AvailabilityStatus::Unknown | AvailabilityStatus::NotChecked | AvailabilityStatus::Stale => 0,
    }
}

fn line_diff(before: Option<&LineAvailability>, after: &LineAvailability, was_checked: bool) -> Option<LineDiff> {
    let Some(before) = before else {
        let (what, cause) =
            if was_checked { (Trait::Configuration, ChangeCause::LineAdded) } else { (Trait::Status, ChangeCause::NotCheckedBefore) };
        let text = if was_checked { asked(after) } else { after.status.as_str().to_owned() };
        let worse = rank(after.status) < rank(AvailabilityStatus::Available);
        return Some(diff(after, worse, vec![Change { what, before: None, after: Some(text), cause }]));
    };
    let mut changes = Vec::new();
    let mut changed = |what, b: Option<String>, a: Option<String>, cause| {
        if b != a {
            changes.push(Change { what, before: b, after: a, cause });
        }
    };
    let text = |text: &dyn Display| Some(text.to_string());
    changed(Trait::Configuration, text(&before.product_offering), text(&after.product_offering), ChangeCause::ProductChanged);
    changed(Trait::Configuration, text(&before.requested), text(&after.requested), ChangeCause::QuantityAskedChanged);
    changed(Trait::Configuration, before.location.clone(), after.location.clone(), ChangeCause::PlaceAskedChanged);
    changed(Trait::Status, text(&before.status.as_str()), text(&after.status.as_str()), why(before, after));
    let number = |line: &LineAvailability| line.available.map(|amount| amount.normalize().to_string());
    changed(Trait::Quantity, number(before), number(after), why_amount(before, after));
    changed(Trait::Location, before.offer.place.clone(), after.offer.place.clone(), ChangeCause::OfferChanged);
    changed(Trait::Alternate, before.offer.alternate.clone(), after.offer.alternate.clone(), ChangeCause::OfferChanged);
    let from = |line: &LineAvailability| line.offer.from.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    changed(Trait::Time, from(before), from(after), ChangeCause::OfferChanged);
    let fell = matches!((before.available, after.available), (Some(b), Some(a)) if a < b && a < after.requested.decimal());
    let worse = rank(after.status) < rank(before.status) || fell;
    (!changes.is_empty()).then(|| diff(after, worse, changes))
}

fn removed(before: &LineAvailability) -> LineDiff {
    let change = Change { what: Trait::Configuration, before: Some(asked(before)), after: None, cause: ChangeCause::LineRemoved };
    diff(before, false, vec![change])
}

fn diff(line: &LineAvailability, worse: bool, changes: Vec<Change>) -> LineDiff {
    LineDiff { order_line: line.order_line, product_offering: line.product_offering.clone(), worse, changes }
}

fn asked(line: &LineAvailability) -> String {
    let place = line.location.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    format!("{} {}{place}", line.requested, line.product_offering)
}

/// Why the verdict is another one.
fn why(before: &LineAvailability, after: &LineAvailability) -> ChangeCause {
    if !after.status.is_told() {
        ChangeCause::SourceDidNotAnswer
    } else if before.status == AvailabilityStatus::NotChecked {
        ChangeCause::NotCheckedBefore
    } else if !before.status.is_told() {
        ChangeCause::NotKnownBefore
    } else if before.product_offering != after.product_offering {
        ChangeCause::ProductChanged
    } else if before.location != after.location {
        ChangeCause::PlaceAskedChanged
    } else if before.available != after.available {
        why_amount(before, after)
    } else if before.requested != after.requested {
        ChangeCause::QuantityAskedChanged
    } else {
        ChangeCause::SourceSaysSo
    }
}

/// Why there is more or less of it.
fn why_amount(before: &LineAvailability, after: &LineAvailability) -> ChangeCause {
    match (before.available, after.available) {
        (Some(b), Some(a)) if a < b => ChangeCause::StockFell,
        (Some(_), Some(_)) => ChangeCause::StockRose,
        (None, Some(_)) if !before.status.is_told() => ChangeCause::NotKnownBefore,
        (Some(_), None) if !after.status.is_told() => ChangeCause::SourceDidNotAnswer,
        (None, Some(_)) | (Some(_), None) | (None, None) => ChangeCause::SourceSaysSo,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::availability::evidence::tests::evidence;
    use crate::domain::availability::line::tests::line;
    use crate::domain::{Offer, Quantity};

    fn told(n: u128, requested: &str, available: i64, status: AvailabilityStatus) -> LineAvailability {
        LineAvailability { available: Some(Decimal::from(available)), status, ..line(n, requested) }
    }

    fn between(before: Vec<LineAvailability>, after: Vec<LineAvailability>) -> (Vec<String>, bool) {
        let diff = Diff::between(Some(&evidence(before)), &evidence(after));
        let shown = |line: &LineDiff| {
            let change = |c: &Change| {
                let of = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
                format!("{} {} {}->{} {}", line.order_line.0.as_u128(), c.what.as_str(), of(&c.before), of(&c.after), c.cause.as_str())
            };
            line.changes.iter().map(change).collect::<Vec<_>>()
        };
        (diff.lines.iter().flat_map(shown).collect(), diff.is_worse())
    }

    use AvailabilityStatus::{Available, PartiallyAvailable, Unavailable, Unknown};

    #[test]
    fn nothing_changed_is_an_empty_diff() {
        assert_eq!(between(vec![told(1, "2", 9, Available)], vec![told(1, "2.0", 9, Available)]), (vec![], false));
    }

    #[test]
    fn less_stock_is_worse_only_where_it_is_less_than_is_wanted() {
        let (shown, worse) = between(vec![told(1, "2", 9, Available)], vec![told(1, "2", 1, PartiallyAvailable)]);
        assert_eq!(shown, ["1 STATUS AVAILABLE->PARTIALLY_AVAILABLE STOCK_FELL", "1 QUANTITY 9->1 STOCK_FELL"]);
        assert!(worse);
        let (shown, worse) = between(vec![told(1, "2", 9, Available)], vec![told(1, "2", 3, Available)]);
        assert_eq!((shown, worse), (vec!["1 QUANTITY 9->3 STOCK_FELL".to_owned()], false));
        let (_, worse) = between(vec![told(1, "9", 5, PartiallyAvailable)], vec![told(1, "9", 4, PartiallyAvailable)]);
        assert!(worse);
        let (_, worse) = between(vec![told(1, "9", 4, PartiallyAvailable)], vec![told(1, "9", 5, PartiallyAvailable)]);
        assert!(!worse);
    }

    #[test]
    fn not_knowing_has_a_cause_of_its_own() {
        let unknown = LineAvailability { status: Unknown, ..line(1, "2") };
        let (shown, worse) = between(vec![told(1, "2", 9, Available)], vec![unknown.clone()]);
        assert_eq!(shown, ["1 STATUS AVAILABLE->UNKNOWN SOURCE_DID_NOT_ANSWER", "1 QUANTITY 9->- SOURCE_DID_NOT_ANSWER"]);
        assert!(worse);
        let (shown, worse) = between(vec![unknown], vec![told(1, "2", 9, Available)]);
        assert_eq!(shown, ["1 STATUS UNKNOWN->AVAILABLE NOT_KNOWN_BEFORE", "1 QUANTITY -->9 NOT_KNOWN_BEFORE"]);
        assert!(!worse);
    }

    #[test]
    fn what_is_asked_about_may_change_too() {
        let other = LineAvailability { product_offering: "TABLET".into(), ..told(1, "2", 0, Unavailable) };
        let (shown, worse) = between(vec![told(1, "2", 0, Available), told(2, "1", 1, Available)], vec![other, told(3, "4", 4, Available)]);
        assert_eq!(
            shown,
            [
                "1 CONFIGURATION PHONE->TABLET PRODUCT_CHANGED",
                "1 STATUS AVAILABLE->UNAVAILABLE PRODUCT_CHANGED",
                "3 CONFIGURATION 1->4 QUANTITY_ASKED_CHANGED",
                "3 QUANTITY 1->4 STOCK_ROSE",
            ],
            "line 3 is line 2 under another id: the same product in the same place"
        );
        assert!(worse);
        let (shown, worse) = between(vec![told(1, "1", 1, Available)], vec![told(1, "1", 1, Available), line(2, "3")]);
        assert_eq!((shown, worse), (vec!["2 CONFIGURATION -->3 PHONE LINE_ADDED".to_owned()], false));
        let (shown, worse) = between(vec![told(1, "1", 1, Available), line(2, "3")], vec![told(1, "1", 1, Available)]);
        assert_eq!((shown, worse), (vec!["2 CONFIGURATION 3 PHONE->- LINE_REMOVED".to_owned()], false));
        let more = LineAvailability { requested: Quantity::parse("12").unwrap(), ..told(1, "1", 9, PartiallyAvailable) };
        let (shown, worse) = between(vec![told(1, "1", 9, Available)], vec![more]);
        assert_eq!(
            shown,
            ["1 CONFIGURATION 1->12 QUANTITY_ASKED_CHANGED", "1 STATUS AVAILABLE->PARTIALLY_AVAILABLE QUANTITY_ASKED_CHANGED"]
        );
        assert!(worse);
    }

    #[test]
    fn place_time_and_alternate_are_told_apart() {
        let offer = |place: &str, day: i64, alternate: Option<&str>| Offer {
            place: Some(place.into()),
            from: Some(DateTime::UNIX_EPOCH + TimeDelta::days(day)),
            alternate: alternate.map(str::to_owned),
        };
        let with = |offer| LineAvailability { offer, ..line(1, "1") };
        let (shown, worse) = between(vec![with(offer("BER", 0, None))], vec![with(offer("HAM", 2, Some("PHONE-XL")))]);
        assert_eq!(
            shown,
            [
                "1 LOCATION BER->HAM OFFER_CHANGED",
                "1 ALTERNATE -->PHONE-XL OFFER_CHANGED",
                "1 TIME 1970-01-01T00:00:00Z->1970-01-03T00:00:00Z OFFER_CHANGED",
            ]
        );
        assert!(!worse);
    }

    #[test]
    fn without_an_earlier_check_every_line_is_one_that_nobody_asked_about() {
        let diff = Diff::between(None, &evidence(vec![told(1, "2", 0, Unavailable)]));
        assert_eq!((diff.before, diff.status_before, diff.had_expired), (None, AvailabilityStatus::NotChecked, false));
        assert_eq!(diff.lines[0].changes[0].cause, ChangeCause::NotCheckedBefore);
        assert!(diff.is_worse());
    }

    #[test]
    fn that_the_earlier_evidence_had_expired_is_told() {
        let before = evidence(vec![line(1, "1")]);
        let at = |seconds| {
            let mut after = evidence(vec![line(1, "1")]);
            after.checked_at += TimeDelta::seconds(seconds);
            Diff::between(Some(&before), &after).had_expired
        };
        assert!(!at(59) && at(60));
    }
}
