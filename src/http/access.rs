//! Who may use which route: one table. The served document is marked by it, `docs/security.md` shows it, tests try every row.

use axum::http::Method;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ObjectBuilder, OpenApi, Required};

use crate::http::scope::Scope;

/// The name of the way of showing who one is, in the document.
const BEARER: &str = "bearer";

/// What a route asks of whoever uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A token with this scope.
    Scope(Scope),
    /// A body signed by a secret of the inventory that the path names.
    Signature,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What it asks.
    pub access: Access,
}

/// The table.
pub const ROUTES: &[Route] = &[
    route("POST", "/availability-checks", Access::Scope(Scope::CheckAvailability)),
    route("GET", "/availability-checks/{evidenceId}", Access::Scope(Scope::ReadAvailability)),
    route("POST", "/availability-checks/{evidenceId}/recheck", Access::Scope(Scope::CheckAvailability)),
    route("GET", "/quotes/{quoteId}/availability", Access::Scope(Scope::ReadAvailability)),
    route("GET", "/orders/{orderId}/reservations", Access::Scope(Scope::ReadReservations)),
    route("POST", "/orders/{orderId}/reservations", Access::Scope(Scope::WriteReservations)),
    route("GET", "/reservations/{reservationId}", Access::Scope(Scope::ReadReservations)),
    route("GET", "/reservations/{reservationId}/timeline", Access::Scope(Scope::ReadReservations)),
    route("POST", "/reservations/{reservationId}/release", Access::Scope(Scope::WriteReservations)),
    route("POST", "/reservations/{reservationId}/confirm", Access::Scope(Scope::WriteReservations)),
    route("POST", "/reservations/{reservationId}/extend", Access::Scope(Scope::WriteReservations)),
    route("GET", "/commands/{commandId}", Access::Scope(Scope::ReadReservations)),
    route("GET", "/customers/{customerId}/products", Access::Scope(Scope::ReadProducts)),
    route("POST", "/webhooks/{source}", Access::Signature),
];

const fn route(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { method, path, access }
}

/// What a route asks; nothing if the table does not have it.
pub(crate) fn access_of(method: &Method, path: &str) -> Option<Access> {
    ROUTES.iter().find(|row| row.method == method.as_str() && row.path == path).map(|row| row.access)
}

/// Writes into a document what each route asks.
pub(crate) fn with_security(mut document: OpenApi) -> OpenApi {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().security_schemes.insert(BEARER.to_owned(), SecurityScheme::Http(scheme).into());
    for_each(&mut document, |operation, scope| {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [scope.as_str()])]);
    });
    document
}

/// Writes into a document that callers name their tenant, for where nobody is asked who they are.
pub(crate) fn with_tenant(mut document: OpenApi, required: bool) -> OpenApi {
    let id = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    let parameter = ParameterBuilder::new()
        .name("Holdfast-Tenant")
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some("Whose data is meant"))
        .schema(Some(id))
        .build();
    for_each(&mut document, |operation, _| operation.parameters.get_or_insert_default().push(parameter.clone().into()));
    document
}

/// Every operation for which a token with a scope is asked.
fn for_each(document: &mut OpenApi, mut change: impl FnMut(&mut Operation, Scope)) {
    for row in ROUTES {
        let Access::Scope(scope) = row.access else { continue };
        let Some(item) = document.paths.paths.get_mut(row.path) else { continue };
        let operation: Option<&mut Operation> = match row.method {
            "GET" => item.get.as_mut(),
            "PUT" => item.put.as_mut(),
            "PATCH" => item.patch.as_mut(),
            "DELETE" => item.delete.as_mut(),
            _ => item.post.as_mut(),
        };
        if let Some(operation) = operation {
            change(operation, scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_table_has_every_route_of_the_document_and_no_other() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let mut served = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            served.extend(
                item.as_object().unwrap().keys().filter(|key| *key != "parameters").map(|method| (method.to_uppercase(), path.clone())),
            );
        }
        let rows: BTreeSet<_> = ROUTES.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
        assert_eq!(rows, served, "src/http/access.rs must say who may use each route");
        assert_eq!(rows.len(), ROUTES.len());
    }

    #[test]
    fn the_page_on_security_shows_the_table() {
        let mut wanted = String::new();
        for row in ROUTES {
            let asks = match row.access {
                Access::Scope(scope) => format!("`{scope}`"),
                Access::Signature => "a signature of the inventory".to_owned(),
            };
            let _ = writeln!(wanted, "| `{} {}` | {asks} |", row.method, row.path);
        }
        let page = include_str!("../../docs/security.md");
        assert!(page.contains(&wanted), "docs/security.md must hold these rows:\n{wanted}");
    }

    #[test]
    fn a_marked_document_names_the_scope_of_each_route() {
        let document = serde_json::to_value(with_security(crate::http::document())).unwrap();
        for row in ROUTES {
            let security = &document["paths"][row.path][row.method.to_lowercase()]["security"];
            match row.access {
                Access::Scope(scope) => assert_eq!(security[0]["bearer"][0], scope.as_str(), "{row:?}"),
                Access::Signature => assert!(security.is_null(), "{row:?}"),
            }
        }
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    }
}
