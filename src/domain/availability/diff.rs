//! What changed between two checks, line by line, and why.

use std::fmt::Display;

use crate::domain::spelled::spelled;
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
    /// Less can be had of it than before, as far as anybody knows. What was said of something else says nothing of it: where another
    /// product, place, source or customer is asked about, or more of it, anything but all of it is worse.
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

spelled! {
    /// What about a line can change.
    pub enum Trait {
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
    pub enum ChangeCause {
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
        /// Another inventory is asked.
        SourceChanged = "SOURCE_CHANGED",
        /// It is asked for another customer.
        CustomerChanged = "CUSTOMER_CHANGED",
    }
}

/// A line in the evidence that tells of it.
#[derive(Clone, Copy)]
struct Told<'a> {
    of: &'a AvailabilityEvidence,
    line: &'a LineAvailability,
}

impl<'a> Told<'a> {
    fn all(of: &'a AvailabilityEvidence) -> Vec<Self> {
        of.lines.iter().map(|line| Self { of, line }).collect()
    }

    /// Where it was asked for: a line without a place of its own has the evidence's.
    fn place(self) -> Option<&'a str> {
        self.line.location.as_deref().or(self.of.location.as_deref())
    }

    fn asked(self) -> String {
        let place = self.place().map(|place| format!(" at {place}")).unwrap_or_default();
        format!("{} {}{place}", self.line.requested, self.line.product_offering)
    }

    fn is_same_thing(self, other: Self) -> bool {
        self.line.product_offering == other.line.product_offering && self.place() == other.place()
    }

    /// Both name a customer, and not the same. Who had none yet may have become one.
    fn is_for_another(self, other: Self) -> bool {
        matches!((&self.of.customer, &other.of.customer), (Some(one), Some(another)) if one != another)
    }
}

impl Diff {
    /// Compares two checks. Without an earlier one, every line is one that nobody had asked about.
    #[must_use]
    pub fn between(before: Option<&AvailabilityEvidence>, after: &AvailabilityEvidence) -> Self {
        let mut earlier = before.map(Told::all).unwrap_or_default();
        let mut pairs: Vec<(Option<Told<'_>>, Told<'_>)> = Vec::with_capacity(after.lines.len());
        let mut unpaired = Vec::new();
        for told in Told::all(after) {
            match earlier.iter().position(|b| b.line.order_line == told.line.order_line) {
                Some(at) => pairs.push((Some(earlier.remove(at)), told)),
                None => unpaired.push(told),
            }
        }
        // An order's lines may have other ids than the quote's: then the same product in the same place is the same line.
        for told in unpaired {
            let same = earlier.iter().position(|b| b.is_same_thing(told));
            pairs.push((same.map(|at| earlier.remove(at)), told));
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

fn line_diff(before: Option<Told<'_>>, after: Told<'_>, was_checked: bool) -> Option<LineDiff> {
    let (Some(before), line) = (before, after.line) else { return Some(not_asked_before(after, was_checked)) };
    let mut changes = Vec::new();
    let mut changed = |what, b: Option<String>, a: Option<String>, cause| {
        if b != a {
            changes.push(Change { what, before: b, after: a, cause });
        }
    };
    let text = |text: &dyn Display| Some(text.to_string());
    changed(Trait::Configuration, text(&before.of.source), text(&after.of.source), ChangeCause::SourceChanged);
    if before.is_for_another(after) {
        changed(Trait::Configuration, before.of.customer.clone(), after.of.customer.clone(), ChangeCause::CustomerChanged);
    }
    changed(Trait::Configuration, text(&before.line.product_offering), text(&line.product_offering), ChangeCause::ProductChanged);
    changed(Trait::Configuration, text(&before.line.requested), text(&line.requested), ChangeCause::QuantityAskedChanged);
    let place = |told: Told<'_>| told.place().map(str::to_owned);
    changed(Trait::Configuration, place(before), place(after), ChangeCause::PlaceAskedChanged);
    changed(Trait::Status, text(&before.line.status.as_str()), text(&line.status.as_str()), why(before, after));
    let number = |told: Told<'_>| told.line.available.map(|amount| amount.normalize().to_string());
    changed(Trait::Quantity, number(before), number(after), why_amount(before, after));
    let (offer_before, offer) = (&before.line.offer, &line.offer);
    changed(Trait::Location, offer_before.place.clone(), offer.place.clone(), ChangeCause::OfferChanged);
    changed(Trait::Alternate, offer_before.alternate.clone(), offer.alternate.clone(), ChangeCause::OfferChanged);
    let from = |told: Told<'_>| told.line.offer.from.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    changed(Trait::Time, from(before), from(after), ChangeCause::OfferChanged);
    (!changes.is_empty()).then(|| diff(line, is_worse(before, after), changes))
}

/// Less can be had of it than was said before.
fn is_worse(before: Told<'_>, after: Told<'_>) -> bool {
    let (b, a) = (before.line, after.line);
    if something_else(before, after).is_some() || a.requested > b.requested {
        return a.status != AvailabilityStatus::Available;
    }
    let fell = matches!((b.available, a.available), (Some(b), Some(left)) if left < b && left < a.requested.decimal());
    rank(a.status) < rank(b.status) || fell
}

/// In which way the two are not about the same thing.
fn something_else(before: Told<'_>, after: Told<'_>) -> Option<ChangeCause> {
    if before.of.source != after.of.source {
        Some(ChangeCause::SourceChanged)
    } else if before.is_for_another(after) {
        Some(ChangeCause::CustomerChanged)
    } else if before.line.product_offering != after.line.product_offering {
        Some(ChangeCause::ProductChanged)
    } else if before.place() != after.place() {
        Some(ChangeCause::PlaceAskedChanged)
    } else {
        None
    }
}

fn not_asked_before(after: Told<'_>, was_checked: bool) -> LineDiff {
    let change = if was_checked {
        Change { what: Trait::Configuration, before: None, after: Some(after.asked()), cause: ChangeCause::LineAdded }
    } else {
        let status = after.line.status.as_str().to_owned();
        Change { what: Trait::Status, before: None, after: Some(status), cause: ChangeCause::NotCheckedBefore }
    };
    diff(after.line, after.line.status != AvailabilityStatus::Available, vec![change])
}

fn removed(before: Told<'_>) -> LineDiff {
    let change = Change { what: Trait::Configuration, before: Some(before.asked()), after: None, cause: ChangeCause::LineRemoved };
    diff(before.line, false, vec![change])
}

fn diff(line: &LineAvailability, worse: bool, changes: Vec<Change>) -> LineDiff {
    LineDiff { order_line: line.order_line, product_offering: line.product_offering.clone(), worse, changes }
}

/// Why the verdict is another one.
fn why(before: Told<'_>, after: Told<'_>) -> ChangeCause {
    let (b, a) = (before.line, after.line);
    if !a.status.is_told() {
        ChangeCause::SourceDidNotAnswer
    } else if b.status == AvailabilityStatus::NotChecked {
        ChangeCause::NotCheckedBefore
    } else if !b.status.is_told() {
        ChangeCause::NotKnownBefore
    } else if let Some(cause) = something_else(before, after) {
        cause
    } else if b.available != a.available {
        why_amount(before, after)
    } else if b.requested != a.requested {
        ChangeCause::QuantityAskedChanged
    } else {
        ChangeCause::SourceSaysSo
    }
}

/// Why there is more or less of it.
fn why_amount(before: Told<'_>, after: Told<'_>) -> ChangeCause {
    if let (true, true, Some(cause)) = (before.line.status.is_told(), after.line.status.is_told(), something_else(before, after)) {
        return cause;
    }
    match (before.line.available, after.line.available) {
        (Some(b), Some(a)) if a < b => ChangeCause::StockFell,
        (Some(_), Some(_)) => ChangeCause::StockRose,
        (None, Some(_)) if !before.line.status.is_told() => ChangeCause::NotKnownBefore,
        (Some(_), None) if !after.line.status.is_told() => ChangeCause::SourceDidNotAnswer,
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
    use crate::domain::{Offer, Quantity, SourceName};

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
    fn part_of_something_else_is_worse_however_much_of_it_there_was_and_is() {
        let part = || told(1, "5", 3, PartiallyAvailable);
        let shown = evidence(vec![part()]);
        let worse = |change: &dyn Fn(&mut AvailabilityEvidence)| {
            let mut asked = evidence(vec![part()]);
            change(&mut asked);
            let diff = Diff::between(Some(&shown), &asked);
            (diff.is_worse(), diff.lines.first().map(|line| line.changes[0].cause))
        };
        assert_eq!(worse(&|_| {}), (false, None));
        assert_eq!(worse(&|asked| asked.lines[0].product_offering = "TABLET".into()), (true, Some(ChangeCause::ProductChanged)));
        assert_eq!(worse(&|asked| asked.lines[0].location = Some("BER".into())), (true, Some(ChangeCause::PlaceAskedChanged)));
        assert_eq!(worse(&|asked| asked.location = Some("BER".into())), (true, Some(ChangeCause::PlaceAskedChanged)));
        assert_eq!(worse(&|asked| asked.source = SourceName::parse("depot").unwrap()), (true, Some(ChangeCause::SourceChanged)));
        let requested = |asked: &mut AvailabilityEvidence, n| asked.lines[0].requested = Quantity::parse(n).unwrap();
        assert_eq!(worse(&|asked| requested(asked, "6")), (true, Some(ChangeCause::QuantityAskedChanged)));
        assert_eq!(worse(&|asked| requested(asked, "4")), (false, Some(ChangeCause::QuantityAskedChanged)));
        assert_eq!(worse(&|asked| asked.customer = Some("C-1".into())), (false, None), "whoever looked may have become a customer");
        let other = AvailabilityEvidence { customer: Some("C-2".into()), ..shown.clone() };
        let asked = AvailabilityEvidence { customer: Some("C-1".into()), ..shown.clone() };
        assert!(Diff::between(Some(&other), &asked).is_worse());
        // All of it is never worse, whatever was shown.
        let tablets = LineAvailability { product_offering: "TABLET".into(), ..told(1, "5", 9, Available) };
        assert!(!Diff::between(Some(&shown), &evidence(vec![tablets])).is_worse());
    }

    #[test]
    fn a_line_without_a_place_of_its_own_is_in_the_place_of_its_evidence() {
        let at = |of: Option<&str>, of_line: Option<&str>, id| {
            let line = LineAvailability { location: of_line.map(str::to_owned), ..told(id, "5", 3, PartiallyAvailable) };
            AvailabilityEvidence { location: of.map(str::to_owned), ..evidence(vec![line]) }
        };
        assert_eq!(Diff::between(Some(&at(Some("BER"), None, 1)), &at(None, Some("BER"), 1)).lines, []);
        assert_eq!(Diff::between(Some(&at(Some("BER"), None, 1)), &at(None, Some("BER"), 2)).lines, []);
        assert!(Diff::between(Some(&at(Some("BER"), None, 1)), &at(Some("HAM"), None, 1)).is_worse());
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
