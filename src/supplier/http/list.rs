//! Finds our hold in a list of holds, and trusts no filter of the inventory's.

use serde_json::Value;

use crate::domain::Look;
use crate::supplier::HoldAsk;

use super::hold::{HoldPointers, NoHold};
use super::pointer::Pointer;

/// Where a list of holds is, and whether it is all of it.
#[derive(Debug, Clone)]
pub(super) struct HoldList {
    pub(super) all: Pointer,
    pub(super) more: Option<Pointer>,
    pub(super) hold: HoldPointers,
}

impl HoldList {
    /// The one hold under our key, or that there is none. Every entry is looked at: a server that does not know a filter ignores it
    /// and lists everybody's holds.
    pub(super) fn read(&self, body: &Value, ask: &HoldAsk) -> Result<Look, NoHold> {
        let mut ours = Vec::new();
        for entry in self.all.array(body)? {
            if self.hold.has_key(entry, ask)? {
                ours.push(entry);
            }
        }
        match ours.as_slice() {
            [] if self.has_more(body) => Err(NoHold::ListCut),
            [] => Ok(Look::Absent),
            [entry] => self.hold.read(entry, ask).map(Look::Found),
            several => Err(NoHold::Several(several.len())),
        }
    }

    /// Something that says that there is more: a link, a cursor, a flag.
    fn has_more(&self, body: &Value) -> bool {
        let found = self.more.as_ref().and_then(|pointer| pointer.find(body));
        !matches!(found, None | Some(Value::Bool(false))) && found.and_then(Value::as_str) != Some("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HoldState;
    use crate::supplier::http::hold::StateFrom;
    use crate::supplier::sample::ask;
    use serde_json::json;

    fn read(items: Value, next: Value) -> Result<Look, String> {
        let at = |text: &str| Pointer::parse(text).unwrap();
        let hold = HoldPointers {
            reference: at("/id"),
            key: Some(at("/key")),
            order: None,
            customer: None,
            created_at: None,
            state: StateFrom::Operation(HoldState::Held),
            expires_at: None,
            lines: None,
        };
        let list = HoldList { all: at("/items"), more: Some(at("/next")), hold };
        list.read(&json!({"items": items, "next": next}), &ask()).map_err(|error| error.to_string())
    }

    #[test]
    fn our_hold_is_found_among_others_by_its_key_alone() {
        let ours = json!({"id": "H2", "key": ask().key.as_str()});
        let found = read(json!([{"id": "H1", "key": "x"}, ours]), json!("more")).unwrap();
        assert!(matches!(found, Look::Found(hold) if hold.reference.as_ref().map(|r| r.as_str()) == Some("H2")));
        assert_eq!(read(json!([ours, ours]), json!(null)).unwrap_err(), "2 holds are listed under our key");
    }

    #[test]
    fn absence_takes_a_whole_list_in_which_every_entry_has_a_key() {
        for end in [json!(null), json!(false), json!("")] {
            assert_eq!(read(json!([{"id": "H1", "key": "x"}]), end), Ok(Look::Absent));
        }
        assert_eq!(read(json!([]), json!("c2")).unwrap_err(), "our hold is not in the list, but the list goes on");
        assert_eq!(read(json!([{"id": "H1"}]), json!(null)).unwrap_err(), "/key is missing");
        assert_eq!(read(json!(null), json!(null)).unwrap_err(), "/items is missing");
    }
}
