//! Answers that are damaged on the way: slow, cut, or not as agreed.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::{Value, json};

use super::kind::WrongShape;

/// Hands the body out byte by byte.
pub(super) fn trickle(body: Vec<u8>, pause: Duration) -> Body {
    Body::from_stream(stream::unfold((body, 0), move |(body, position)| async move {
        let byte = *body.get(position)?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte])), (body, position + 1)))
    }))
}

/// Hands out half of the body, then breaks the connection.
pub(super) fn half(body: &[u8]) -> Body {
    let (first, _) = body.split_at(body.len() / 2);
    let first = Bytes::copy_from_slice(first);
    Body::from_stream(stream::unfold(Some(first), |first| async move {
        match first {
            Some(first) if !first.is_empty() => Some((Ok(first), Some(Bytes::new()))),
            _ => {
                // The first half must have left before the break, or the client sees nothing at all.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
        }
    }))
}

/// The same body, but not as agreed; a body that is no JSON stays as it is.
pub(super) fn misshape(body: Vec<u8>, shape: WrongShape) -> Vec<u8> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice::<Value>(&body) else { return body };
    match shape {
        WrongShape::UnknownState => {
            set(&mut fields, "state", json!("AWAITING_MOON"));
            each_line(&mut fields, |line| set(line, "state", json!("AWAITING_MOON")));
        }
        WrongShape::MissingState => {
            fields.remove("state");
            each_line(&mut fields, |line| drop(line.remove("state")));
        }
        WrongShape::MissingReference => drop(fields.remove("reference")),
        WrongShape::NullExpiry => set(&mut fields, "expiresAt", Value::Null),
        WrongShape::NumberQuantity => each_line(&mut fields, |line| {
            for name in ["requested", "reserved", "available"] {
                if let Some(number) = line.get(name).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok()) {
                    line.insert(name.to_owned(), Value::Number(number));
                }
            }
        }),
        WrongShape::OtherKey => {
            set(&mut fields, "requestKey", json!("somebody:else:1"));
            set(&mut fields, "orderId", json!("somebody"));
        }
        WrongShape::UnknownField => drop(fields.insert("moonPhase".into(), json!({"waxing": [1, null, "x"]}))),
        WrongShape::Deep => {
            let deep = (0..500).fold(Value::Null, |inner, _| json!([inner]));
            fields.insert("deep".into(), deep);
        }
        WrongShape::Huge => drop(fields.insert("padding".into(), Value::String("x".repeat(4 << 20)))),
    }
    crate::simulator::inventory::json(&fields)
}

type Fields = serde_json::Map<String, Value>;

fn set(fields: &mut Fields, name: &str, value: Value) {
    if let Some(field) = fields.get_mut(name) {
        *field = value;
    }
}

fn each_line(fields: &mut Fields, change: impl Fn(&mut Fields)) {
    let lines = fields.get_mut("lines").and_then(Value::as_array_mut);
    lines.into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}
