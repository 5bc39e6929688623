//! Answers that no inventory gives on a good day: bounded in time and memory, and unknown, every one.

use std::time::{Duration, Instant};

use holdfast::domain::AnswerClass;
use holdfast::supplier::{HoldAsk, Suppliers};

use super::bench::{Bench, only, suppliers, unknown};
use super::raw::{Raw, Then, answer};

fn before(raw: &Raw) -> Suppliers {
    suppliers(toml::from_str(&format!("base_url = \"{}\"", raw.url)).unwrap())
}

/// Reserves before such a server, and answers why the outcome is unknown.
async fn why(then: Then) -> String {
    let raw = Raw::always(then).await;
    let ask = HoldAsk { timeout: Duration::from_secs(3), ..Bench::http().await.order("1", "") };
    let started = Instant::now();
    let suppliers = before(&raw);
    let reply = only(&suppliers).supplier.reserve(&ask).await;
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(reply.evidence.excerpt.as_ref().is_none_or(|excerpt| excerpt.len() <= 2048));
    assert_eq!(raw.requests().len(), 1, "an effect is sent once");
    unknown(&reply).to_owned()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn a_body_without_an_end_is_cut_off_at_a_bound() {
    assert!(why(Then::Close(answer(200, &"x".repeat(2 * 1024 * 1024)))).await.contains("more than 1048576 bytes"));
    let endless = Then::Forever([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), "[".repeat(65536).as_bytes()].concat());
    assert!(why(endless).await.contains("more than 1048576 bytes"));
}

#[tokio::test]
async fn a_body_of_a_size_that_just_fits_is_read() {
    let hold = format!("{{\"state\":\"{}\"}}", "x".repeat(1024 * 1024 - 100));
    assert!(why(Then::Stay(answer(200, &hold))).await.contains("/reference is missing"));
}

#[tokio::test]
async fn json_of_great_depth_is_unreadable_and_harmless() {
    for open in ["[", "{\"a\":"] {
        assert!(why(Then::Stay(answer(200, &open.repeat(100_000)))).await.contains("no JSON that can be read"));
    }
}

#[tokio::test]
async fn headers_without_an_end_are_cut_off() {
    why(Then::Forever(b"HTTP/1.1 200 OK\r\n".iter().copied().chain(b"x-a: b\r\n".repeat(1000)).collect())).await;
    why(Then::Stay(format!("{HEAD}{}content-length: 2\r\n\r\n{{}}", "x-a: b\r\n".repeat(500)).into_bytes())).await;
    why(Then::Forever(format!("{HEAD}x-long: {}", "y".repeat(65536)).into_bytes())).await;
}

#[tokio::test]
async fn a_length_that_is_wrong_makes_the_answer_unknown() {
    let whole = answer(200, "{\"reference\":\"H\"}");
    for then in [
        // Longer than what comes, with and without a close.
        Then::Close(format!("{HEAD}content-length: 500\r\n\r\n{{\"reference\":\"H\"}}").into_bytes()),
        Then::Hang(format!("{HEAD}content-length: 500\r\n\r\n{{\"reference\":\"H\"}}").into_bytes()),
        // Shorter: what is left is no JSON any more.
        Then::Close(format!("{HEAD}content-length: 5\r\n\r\n{{\"reference\":\"H\"}}").into_bytes()),
        Then::Close(format!("{HEAD}content-length: -1\r\n\r\n{{}}").into_bytes()),
        Then::Close(format!("{HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into_bytes()),
        Then::Close(format!("{HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes()),
        Then::Close(format!("{HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{{\"a\"").into_bytes()),
        Then::Close(whole[..whole.len() - 1].to_vec()),
    ] {
        why(then).await;
    }
}

#[tokio::test]
async fn what_is_no_http_or_no_answer_is_unknown() {
    for bytes in
        [b"SSH-2.0-OpenSSH_9.6\r\n".as_slice(), b"", b"HTTP/1.1 2", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 99 X\r\n\r\n", b"\0\0\0"]
    {
        why(Then::Close(bytes.to_vec())).await;
    }
    why(Then::Forever(b"HTTP/1.1 103 Early\r\n\r\n".to_vec())).await;
    assert!(why(Then::Hang(Vec::new())).await.contains("no answer within 3000 ms"));
    assert!(why(Then::Hang(format!("{HEAD}content-length: 10\r\n\r\n{{").into_bytes())).await.contains("not complete within 3000 ms"));
}

#[tokio::test]
async fn a_status_without_a_code_decides_nothing() {
    for status in [
        200, 201, 202, 204, 206, 226, 300, 304, 400, 401, 403, 404, 405, 409, 410, 422, 423, 425, 429, 451, 500, 501, 502, 503, 504, 599,
        999,
    ] {
        why(Then::Stay(answer(status, "{}"))).await;
        why(Then::Close(format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n<html>no</html>").into_bytes())).await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_an_effect_nor_with_anything_else() {
    let elsewhere = Raw::always(Then::Stay(answer(200, "{}"))).await;
    for status in [301, 302, 303, 307, 308] {
        let raw = Raw::always(Then::Stay(
            format!("HTTP/1.1 {status} X\r\nlocation: {}/other\r\ncontent-length: 0\r\n\r\n", elsewhere.url).into_bytes(),
        ))
        .await;
        let suppliers = before(&raw);
        let ask = Bench::http().await.order("1", "");
        assert!(unknown(&only(&suppliers).supplier.reserve(&ask).await).contains("is not mapped"));
        assert_eq!(only(&suppliers).supplier.lookup(&ask).await.answer.class(), AnswerClass::Unknown);
        assert_eq!((raw.requests().len(), elsewhere.connections()), (2, 0));
    }
}
