//! What customers have: a read model of the inventory's own records, with its age.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{CustomerId, CustomerProductId};
use crate::http::extract::{Path, Query};
use crate::http::principal::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::operations::{CustomerProduct, CustomerProducts, Staleness};

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_customer_products))
}

/// Which customer.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerPath {
    /// The customer, as the inventory of installed products names it.
    pub(crate) customer_id: String,
}

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductsQuery {
    /// Those after this product: `nextAfter` of the answer before.
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) after: Option<String>,
}

/// What a customer has. This is a local copy, fed by the inventory's events, and never the authority: what must be true now is to be
/// asked of the inventory. The answer says how old it is. A customer that nobody has heard of has nothing.
#[utoipa::path(
    get, path = "/customers/{customerId}/products", tag = "customers", operation_id = "getCustomerProducts",
    params(CustomerPath, ProductsQuery),
    responses((status = 200, description = "The products", body = CustomerProductsView)),
)]
pub(crate) async fn get_customer_products(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<CustomerPath>,
    Query(query): Query<ProductsQuery>,
) -> Result<axum::Json<CustomerProductsView>, Problem> {
    let tenant = principal.to(Scope::ReadProducts)?;
    let customer = CustomerId::parse(&path.customer_id)
        .map_err(|must| Problem::new(ProblemKind::Validation, format!("The customer in the path {must}.")))?;
    let after = query.after.as_deref().map(CustomerProductId::parse).transpose();
    let after = after.map_err(|must| Problem::new(ProblemKind::Validation, format!("`after` {must}.")))?;
    let found = state.operations.customer_products(tenant, &customer, after.as_ref()).await?;
    Ok(axum::Json(CustomerProductsView::of(&customer, found)))
}

/// What a customer has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomerProducts)]
pub(crate) struct CustomerProductsView {
    customer_id: String,
    freshness: FreshnessView,
    products: Vec<CustomerProductView>,
    /// There are more: ask again with this as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
}

/// How old the whole of it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Freshness)]
pub(crate) struct FreshnessView {
    /// `READ_UP_TO`: every event that the inventory had published by `readUpTo` is in. `CATCHING_UP`: its events are being read for the
    /// first time, and something may be missing. `NOT_FED`: nothing is read here, and what there is may be of any age.
    #[schema(example = "READ_UP_TO")]
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_up_to: Option<DateTime<Utc>>,
    /// How long ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_seconds: Option<i64>,
}

/// One product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomerProduct)]
pub(crate) struct CustomerProductView {
    /// What the inventory calls it.
    customer_product_id: String,
    product_offering_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_spec_id: Option<String>,
    /// In the spelling of TMF637 as far as that knows it; others as the inventory has them.
    #[schema(example = "active")]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_date: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    termination_date: Option<DateTime<Utc>>,
    /// The inventory, by its configured name.
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_version: Option<String>,
    /// The newest event that was heard of it, by the inventory's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_source_event_at: Option<DateTime<Utc>>,
    /// How long ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    /// Every member as the inventory last sent it.
    #[schema(value_type = Object)]
    source_product: Map<String, Value>,
}

impl CustomerProductsView {
    fn of(customer: &CustomerId, found: CustomerProducts) -> Self {
        let (state, read_up_to, behind) = match found.staleness {
            Staleness::NotFed => ("NOT_FED", None, None),
            Staleness::CatchingUp => ("CATCHING_UP", None, None),
            Staleness::ReadUpTo { at, behind } => ("READ_UP_TO", Some(at), Some(behind.num_seconds())),
        };
        let last = found.products.last().map(|product| product.product.customer_product_id.clone());
        Self {
            customer_id: customer.as_str().to_owned(),
            freshness: FreshnessView { state, read_up_to, behind_seconds: behind },
            next_after: last.filter(|_| found.more),
            products: found.products.into_iter().map(CustomerProductView::from).collect(),
        }
    }
}

impl From<CustomerProduct> for CustomerProductView {
    fn from(CustomerProduct { product, age }: CustomerProduct) -> Self {
        Self {
            customer_product_id: product.customer_product_id,
            product_offering_id: product.product_offering_id,
            product_spec_id: product.product_spec_id,
            status: product.status,
            activation_date: product.activation_date,
            termination_date: product.termination_date,
            source: product.source_system,
            source_version: product.source_version,
            last_source_event_at: product.last_source_event_at,
            age_seconds: age.map(|age| age.num_seconds()),
            source_product: product.payload_json,
        }
    }
}
