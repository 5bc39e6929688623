//! Stock of one tenant, per product and location; available is what is on hand minus what is held.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::simulator::amount::Amount;

/// One stock: what is there, and what of it is set aside.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    on_hand: Decimal,
    held: Decimal,
}

#[derive(Debug, Default)]
struct Product {
    anywhere: Option<Row>,
    at: HashMap<String, Row>,
}

/// All stock of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    products: HashMap<String, Product>,
}

/// One stock as the admin interface tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockLevel {
    /// Whose stock.
    pub tenant: String,
    /// The product.
    pub sku: String,
    /// The location, if this stock belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// What is there.
    pub on_hand: Amount,
    /// What active holds have set aside.
    pub held: Amount,
    /// What is left; below zero if someone took stock away under the holds.
    pub available: Amount,
}

impl Shelf {
    /// Sets what is on hand; what is held stays held.
    pub(crate) fn put(&mut self, sku: &str, location: Option<&str>, on_hand: Amount) {
        let product = self.products.entry(sku.to_owned()).or_default();
        let row = match location {
            Some(location) => product.at.entry(location.to_owned()).or_default(),
            None => product.anywhere.get_or_insert_default(),
        };
        row.on_hand = on_hand.get();
    }

    /// What could be set aside now; `None` if the product is unknown.
    pub(crate) fn available(&self, sku: &str, location: Option<&str>, default: Option<Decimal>) -> Option<Amount> {
        let known = self.products.get(sku).and_then(|product| {
            let own = location.and_then(|location| product.at.get(location));
            own.or(product.anywhere.as_ref())
        });
        let left = known.map(|row| row.on_hand - row.held).or(default)?;
        Some(Amount::new(left.max(Decimal::ZERO)))
    }

    /// The location whose own stock serves a line; `None` is the stock of no location, made from the default if missing.
    pub(crate) fn source(&mut self, sku: &str, location: Option<&str>, default: Option<Decimal>) -> Option<String> {
        let own = location.filter(|location| self.products.get(sku).is_some_and(|product| product.at.contains_key(*location)));
        if own.is_none()
            && let Some(on_hand) = default
        {
            let product = self.products.entry(sku.to_owned()).or_default();
            product.anywhere.get_or_insert(Row { on_hand, held: Decimal::ZERO });
        }
        own.map(str::to_owned)
    }

    /// Sets aside, or gives back when the amount is negative.
    pub(crate) fn hold(&mut self, sku: &str, source: Option<&str>, amount: Decimal) {
        let Some(product) = self.products.get_mut(sku) else { return };
        let row = match source {
            Some(location) => product.at.get_mut(location),
            None => product.anywhere.as_mut(),
        };
        if let Some(row) = row {
            row.held += amount;
        }
    }

    /// Every stock of this tenant, of one product if asked.
    pub(crate) fn levels(&self, tenant: &str, only_sku: Option<&str>) -> Vec<StockLevel> {
        let chosen = self.products.iter().filter(|(sku, _)| only_sku.is_none_or(|only| only == *sku));
        let mut levels: Vec<StockLevel> = chosen
            .flat_map(|(sku, product)| {
                let anywhere = product.anywhere.iter().map(|row| (None, row));
                let at = product.at.iter().map(|(location, row)| (Some(location.clone()), row));
                anywhere.chain(at).map(|(location_id, row)| StockLevel {
                    tenant: tenant.to_owned(),
                    sku: sku.clone(),
                    location_id,
                    on_hand: Amount::new(row.on_hand),
                    held: Amount::new(row.held),
                    available: Amount::new(row.on_hand - row.held),
                })
            })
            .collect();
        levels.sort_by(|a, b| (&a.sku, &a.location_id).cmp(&(&b.sku, &b.location_id)));
        levels
    }
}
