//! A set of public keys as an issuer publishes it (RFC 7517). What cannot verify a signature is left out.

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of a set that are looked at; issuers have a handful.
const MOST_KEYS: usize = 100;
/// An RSA key shorter than this (2048 bits, as bytes) can be broken.
const SHORTEST_MODULUS: usize = 256;

/// The keys by their ids.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Key>);

/// One key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    decoding: DecodingKey,
    /// The one algorithm that the issuer uses it for, where it says so.
    algorithm: Option<Algorithm>,
    /// The curve decides the algorithm, whatever else is said.
    curve: Option<Algorithm>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a set; a key that this version does not know takes no other with it.
    pub(super) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Set = serde_json::from_slice(json)?;
        Ok(Self(set.keys.into_iter().take(MOST_KEYS).filter_map(usable).collect()))
    }

    /// The key of this id.
    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    /// The key, if it is one for this algorithm: of the same family, and not published for another.
    pub(super) fn fitting(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = self.decoding.family() == algorithm.family()
            && self.algorithm.is_none_or(|its| its == algorithm)
            && self.curve.is_none_or(|its| its == algorithm);
        fits.then_some(&self.decoding)
    }
}

fn usable(key: Value) -> Option<(String, Key)> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let id = key.common.key_id.clone().filter(|id| !id.is_empty())?;
    if !matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let curve = match &key.algorithm {
        // The exponent and modulus are base64: four characters for three bytes.
        AlgorithmParameters::RSA(rsa) if rsa.n.len() * 3 / 4 < SHORTEST_MODULUS => return None,
        AlgorithmParameters::RSA(_) => None,
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            jsonwebtoken::jwk::EllipticCurve::P256 => Some(Algorithm::ES256),
            jsonwebtoken::jwk::EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        // A shared secret in a published set is a mistake at best.
        _ => return None,
    };
    let algorithm = match key.common.key_algorithm {
        None => None,
        Some(named) => Some(signing(named)?),
    };
    Some((id, Key { decoding: DecodingKey::from_jwk(&key).ok()?, algorithm, curve }))
}

fn signing(named: KeyAlgorithm) -> Option<Algorithm> {
    Algorithm::try_from(named).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::samples::{EC_A, ED, RSA, Signer};
    use serde_json::json;

    #[test]
    fn keys_of_every_kind_are_read_and_fit_their_own_algorithm_only() {
        let signers = [Signer::new(RSA, "r"), Signer::new(EC_A, "e"), Signer::new(ED, "d")];
        let set = json!({"keys": signers.each_ref().map(Signer::jwk)}).to_string();
        let keys = Keys::parse(set.as_bytes()).unwrap();
        assert_eq!(keys.len(), 3);
        let fits = |id: &str, algorithm| keys.get(id).unwrap().fitting(algorithm).is_some();
        assert!(fits("r", Algorithm::RS256) && fits("e", Algorithm::ES256) && fits("d", Algorithm::EdDSA));
        for algorithm in [Algorithm::HS256, Algorithm::RS384, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(!fits("r", algorithm), "{algorithm:?}");
        }
        assert!(!fits("e", Algorithm::ES384) && !fits("e", Algorithm::HS256));
    }

    #[test]
    fn what_cannot_verify_a_signature_is_left_out() {
        let good = Signer::new(EC_A, "good").jwk();
        let with = |name: &str, value: serde_json::Value| {
            let mut key = good.clone();
            key[name] = value;
            key
        };
        let bad = [
            json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}),
            json!({"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "EC", "kid": "curve", "crv": "secp256k1", "x": "AA", "y": "AA"}),
            json!({"kty": "what", "kid": "kind"}),
            json!("no key"),
            with("use", json!("enc")),
            with("kid", json!("")),
            with("alg", json!("RSA-OAEP")),
        ];
        for key in bad {
            let set = json!({"keys": [key, Signer::new(EC_A, "kept").jwk()]}).to_string();
            let keys = Keys::parse(set.as_bytes()).unwrap();
            assert!(keys.len() == 1 && keys.get("kept").is_some(), "{key}");
        }
        assert!(Keys::parse(b"<html>").is_err());
    }
}
