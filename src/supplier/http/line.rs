//! Which of our lines an entry in an answer is about.

use serde_json::Value;

use crate::domain::{OrderLine, OrderLineId};

use super::pointer::{Misread, Pointer, shortened};

/// How an inventory names a line.
#[derive(Debug, Clone)]
pub(super) enum LineHandle {
    /// By the id that we gave it.
    Id(Pointer),
    /// By the product alone: good as long as the order has each product once.
    Product(Pointer),
}

/// An entry that is about no line of ours, or nobody knows which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoLine {
    #[error(transparent)]
    Misread(#[from] Misread),
    #[error("a line is called {0}, which is no order line of ours")]
    Foreign(String),
    #[error("a line is about {0}, of which the order has more than one line")]
    Ambiguous(String),
}

impl LineHandle {
    /// The line of ours that the entry is about. Where the asker did not bring the lines, any id is taken for one of them.
    pub(super) fn find(&self, entry: &Value, lines: &[OrderLine]) -> Result<OrderLineId, NoLine> {
        let (Self::Id(pointer) | Self::Product(pointer)) = self;
        let name = pointer.text(entry)?;
        let foreign = || NoLine::Foreign(shortened(&Value::String(name.clone())));
        match self {
            Self::Id(_) => {
                let id = OrderLineId::parse(&name).map_err(|_| foreign())?;
                let ours = lines.is_empty() || lines.iter().any(|line| line.order_line == id);
                if ours { Ok(id) } else { Err(foreign()) }
            }
            Self::Product(_) => {
                let mut of_product = lines.iter().filter(|line| line.product_offering == name);
                match (of_product.next(), of_product.next()) {
                    (Some(line), None) => Ok(line.order_line),
                    (Some(_), Some(_)) => Err(NoLine::Ambiguous(shortened(&Value::String(name)))),
                    (None, _) => Err(foreign()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplier::sample::ask;
    use serde_json::json;

    #[test]
    fn a_line_is_found_by_its_id_or_by_its_product_if_that_is_the_only_one() {
        let lines = ask().lines;
        let id = LineHandle::Id(Pointer::parse("/x").unwrap());
        let product = LineHandle::Product(Pointer::parse("/x").unwrap());
        let first = lines[0].order_line;
        assert_eq!(id.find(&json!({"x": first.to_string()}), &lines), Ok(first));
        assert_eq!(product.find(&json!({"x": "PHONE"}), &lines), Ok(first));
        for (handle, name) in [(&id, "PHONE"), (&product, "phone"), (&product, ""), (&id, "00000000-0000-0000-0000-0000000000ff")] {
            assert!(matches!(handle.find(&json!({"x": name}), &lines), Err(NoLine::Foreign(_))), "{name}");
        }
        let mut twice = lines.clone();
        twice[1].product_offering = "PHONE".to_owned();
        assert!(matches!(product.find(&json!({"x": "PHONE"}), &twice), Err(NoLine::Ambiguous(_))));
        assert_eq!(id.find(&json!({"x": first.to_string()}), &[]), Ok(first));
    }
}
