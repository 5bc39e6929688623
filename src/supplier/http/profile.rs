//! A profile ready for use: every template parsed, every pointer checked, every contradiction refused.

use reqwest::Method;
use reqwest::header::HeaderName;

use crate::domain::{Capabilities, HoldState};

use super::active::ActiveHolds;
use super::availability::CheckPointers;
use super::body::Body;
use super::hold::HoldPointers;
use super::list::HoldList;
use super::pointer::Pointer;
use super::rules::Rules;
use super::template::Text;
use super::values::Name;

/// How one kind of inventory is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(super) capabilities: Capabilities,
    pub(super) check: Option<CheckOperation>,
    pub(super) reserve: HoldOperation,
    pub(super) lookup_by_reference: Option<HoldOperation>,
    pub(super) lookup_by_key: Option<HoldOperation>,
    pub(super) release: Option<HoldOperation>,
    pub(super) confirm: Option<HoldOperation>,
    pub(super) extend: Option<HoldOperation>,
    pub(super) list: Option<ListOperation>,
}

/// The list of active holds.
#[derive(Debug, Clone)]
pub(super) struct ListOperation {
    /// The request names the tenant, so that each has a list of its own.
    pub(super) per_tenant: bool,
    pub(super) first: RequestTemplate,
    pub(super) following: RequestTemplate,
    pub(super) rules: Rules,
    pub(super) listing: ActiveHolds,
    pub(super) pages: Pages,
    pub(super) page_size: u32,
}

/// How a list goes on.
#[derive(Debug, Clone)]
pub(super) enum Pages {
    /// It does not: one page is all.
    One,
    /// By what the page says is next.
    ByCursor(Pointer),
    /// By how many were seen, until a page is empty.
    ByOffset,
}

/// The availability check.
#[derive(Debug, Clone)]
pub(super) struct CheckOperation {
    pub(super) request: RequestTemplate,
    pub(super) rules: Rules,
    pub(super) pointers: CheckPointers,
}

/// One operation on a hold.
#[derive(Debug, Clone)]
pub(super) struct HoldOperation {
    pub(super) request: RequestTemplate,
    pub(super) rules: Rules,
    pub(super) success: Success,
}

/// How a successful answer is read.
#[derive(Debug, Clone)]
pub(super) enum Success {
    /// It describes the hold.
    Hold(Box<HoldPointers>),
    /// It lists holds, of which one may be ours.
    List(Box<HoldList>),
    /// It describes nothing; the operation says how the hold stands now.
    Silent(HoldState),
}

/// A request with its placeholders.
#[derive(Debug, Clone)]
pub(super) struct RequestTemplate {
    pub(super) method: Method,
    pub(super) path: Text,
    pub(super) headers: Vec<(HeaderName, Text)>,
    pub(super) body: Option<Body>,
}

impl RequestTemplate {
    /// One of these placeholders is somewhere in the request.
    pub(super) fn names_any(&self, names: &[Name]) -> bool {
        let in_body = self.body.as_ref().is_some_and(|body| body.names_any(names));
        in_body || self.path.names_any(names) || self.headers.iter().any(|(_, text)| text.names_any(names))
    }
}
