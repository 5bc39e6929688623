//! Reads a page of active holds, entry by entry: what cannot be read is said, and never passed over.

use serde_json::Value;

use crate::domain::{ExternalReference, LineName, ListedHold, ListedLine};
use crate::supplier::{ListMark, ListedPage};

use super::hold::{HoldPointers, NoHold, StateFrom};
use super::line::LineHandle;
use super::pointer::{Misread, Pointer, shortened};
use super::profile::Pages;

/// Where the entries of a page are, and where their parts.
#[derive(Debug, Clone)]
pub(super) struct ActiveHolds {
    pub(super) all: Pointer,
    pub(super) hold: HoldPointers,
}

impl ActiveHolds {
    /// The holds of a page that are active, and where the next page begins.
    pub(super) fn read(&self, body: &Value, pages: &Pages, after: Option<&ListMark>) -> Result<ListedPage, Misread> {
        let entries = self.all.array(body)?;
        let mut page = ListedPage::default();
        for entry in entries {
            match self.entry(entry) {
                Ok(Some(hold)) => page.holds.push(hold),
                // A server that does not know the filter lists what is over, too.
                Ok(None) => {}
                Err(why) => page.unreadable.push(format!("{}: {why}", self.name(entry))),
            }
        }
        let seen = after.map_or(0, |after| after.seen) + entries.len() as u64;
        page.next = match pages {
            Pages::One => None,
            Pages::ByOffset => (!entries.is_empty()).then_some(ListMark { token: None, seen }),
            Pages::ByCursor(next) => match next.find(body) {
                None | Some(Value::Bool(false)) => None,
                Some(_) => Some(next.text(body)?).filter(|token| !token.is_empty()).map(|token| ListMark { token: Some(token), seen }),
            },
        };
        Ok(page)
    }

    fn entry(&self, entry: &Value) -> Result<Option<ListedHold>, NoHold> {
        let at = &self.hold;
        let state = match &at.state {
            StateFrom::Operation(state) => *state,
            StateFrom::Answer(pointer, states) => {
                let word = pointer.text(entry)?;
                *states.get(&word).ok_or_else(|| NoHold::UnmappedState(shortened(&Value::String(word))))?
            }
        };
        if !state.is_active() {
            return Ok(None);
        }
        let text = at.reference.text(entry)?;
        let reference = ExternalReference::parse(&text).map_err(|why| NoHold::BadReference { place: at.reference.clone(), why })?;
        let optional =
            |pointer: &Option<Pointer>| pointer.as_ref().filter(|at| at.find(entry).is_some()).map(|at| at.text(entry)).transpose();
        let expires_at = match &at.expires_at {
            Some(expiry) if expiry.at.find(entry).is_some() => Some(expiry.at.instant(entry, expiry.form)?),
            Some(_) | None => None,
        };
        let created_at = match &at.created_at {
            Some((at, form)) if at.find(entry).is_some() => Some(at.instant(entry, *form)?),
            Some(_) | None => None,
        };
        Ok(Some(ListedHold {
            reference,
            key: optional(&at.key)?,
            order: optional(&at.order)?,
            customer: optional(&at.customer)?,
            state,
            expires_at,
            created_at,
            lines: self.lines(entry)?,
        }))
    }

    fn lines(&self, entry: &Value) -> Result<Vec<ListedLine>, Misread> {
        let Some(lines) = &self.hold.lines else { return Ok(Vec::new()) };
        let line = |line: &Value| {
            let name = match &lines.line {
                LineHandle::Id(pointer) => LineName::Id(pointer.text(line)?),
                LineHandle::Product(pointer) => LineName::Product(pointer.text(line)?),
            };
            Ok(ListedLine { name, reserved: lines.reserved.decimal(line)? })
        };
        lines.all.array(entry)?.iter().map(line).collect()
    }

    /// What an entry that cannot be read is called, as far as that can be.
    fn name(&self, entry: &Value) -> String {
        self.hold.reference.text(entry).unwrap_or_else(|_| shortened(entry))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::HoldState;
    use crate::supplier::http::form::{InstantForm, MissingLineForm};
    use crate::supplier::http::hold::{Expiry, HoldLines};

    fn at(text: &str) -> Pointer {
        Pointer::parse(text).unwrap()
    }

    fn listing() -> ActiveHolds {
        let states = [("HELD", HoldState::Held), ("GONE", HoldState::Released)].map(|(word, state)| (word.to_owned(), state));
        ActiveHolds {
            all: at("/items"),
            hold: HoldPointers {
                reference: at("/id"),
                key: Some(at("/key")),
                order: Some(at("/order")),
                customer: Some(at("/customer")),
                created_at: Some((at("/made"), InstantForm::EpochSeconds)),
                state: StateFrom::Answer(at("/state"), states.into()),
                expires_at: Some(Expiry { at: at("/until"), form: InstantForm::EpochSeconds, optional: false }),
                lines: Some(HoldLines {
                    all: at("/lines"),
                    line: LineHandle::Product(at("/sku")),
                    reserved: at("/n"),
                    missing: MissingLineForm::Unknown,
                }),
            },
        }
    }

    fn read(items: Value) -> ListedPage {
        listing().read(&json!({"items": items}), &Pages::One, None).unwrap()
    }

    #[test]
    fn active_holds_are_read_whosever_they_are_and_those_that_are_over_left_out() {
        let held = json!({"id": 7, "key": "somebody else's", "order": "A-1", "customer": 17, "state": "HELD", "until": 1_800_000_000, "made": 1_700_000_000,
            "lines": [{"sku": "PHONE", "n": "1.50"}]});
        let page = read(json!([held, {"id": 8, "state": "GONE"}]));
        assert_eq!((page.holds.len(), page.unreadable.len()), (1, 0));
        let hold = &page.holds[0];
        assert_eq!((hold.reference.as_str(), hold.key.as_deref(), hold.order.as_deref()), ("7", Some("somebody else's"), Some("A-1")));
        assert_eq!(hold.customer.as_deref(), Some("17"));
        assert_eq!(hold.created_at.map(|at| at.timestamp()), Some(1_700_000_000));
        assert_eq!(hold.lines, [ListedLine { name: LineName::Product("PHONE".into()), reserved: "1.5".parse().unwrap() }]);
    }

    #[test]
    fn what_the_list_does_not_say_is_not_missed_and_what_cannot_be_read_is_named() {
        let page = read(
            json!([{"id": "a", "state": "HELD", "lines": []}, {"id": "b", "state": "CHECKING"}, {"state": "HELD"}, {"id": "c", "state": "HELD"}]),
        );
        assert_eq!(page.holds.iter().map(|hold| (hold.key.clone(), hold.expires_at)).collect::<Vec<_>>(), [(None, None)]);
        assert_eq!(
            page.unreadable,
            ["b: the state \"CHECKING\" is not mapped", "{\"state\":\"HELD\"}: /id is missing", "c: /lines is missing",]
        );
    }

    #[test]
    fn a_list_goes_on_by_cursor_or_by_number_until_it_says_that_it_ends() {
        let page = |pages: &Pages, next: Value, items: Value, after: Option<&ListMark>| {
            listing().read(&json!({"items": items, "next": next}), pages, after).unwrap().next
        };
        let item = json!([{"id": "a", "state": "GONE"}]);
        let by_cursor = Pages::ByCursor(at("/next"));
        let first = page(&by_cursor, json!("c2"), item.clone(), None);
        assert_eq!(first, Some(ListMark { token: Some("c2".into()), seen: 1 }));
        for end in [json!(null), json!(false), json!("")] {
            assert_eq!(page(&by_cursor, end, item.clone(), first.as_ref()), None);
        }
        let second = page(&Pages::ByOffset, json!(null), item.clone(), page(&Pages::ByOffset, json!(null), item.clone(), None).as_ref());
        assert_eq!(second, Some(ListMark { token: None, seen: 2 }));
        assert_eq!(page(&Pages::ByOffset, json!(null), json!([]), second.as_ref()), None);
        assert_eq!(page(&Pages::One, json!("c2"), item, None), None);
    }
}
