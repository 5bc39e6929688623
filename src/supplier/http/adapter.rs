//! The port, filled by a profile and a client.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderValue};
use serde_json::Value;

use crate::domain::{Answer, Capabilities, Evidence, Hold, Look, Operation};
use crate::supplier::{AvailabilityAnswer, CheckAsk, HoldAsk, ListAsk, ListedPage, Listing, Question, Reply, Supplier};

use super::client::{ClientError, Connection, SourceClient, build};
use super::evidence;
use super::exchange::{Outgoing, Seen, exchange};
use super::profile::{HoldOperation, Profile, RequestTemplate, Success};
use super::rules::{Meaning, Rules};
use super::template::{Missing, percent_encode};
use super::values::{Ask, Name};

/// An inventory spoken to as its profile says.
#[derive(Debug)]
pub(crate) struct HttpInventory {
    profile: Profile,
    client: SourceClient,
}

/// Why a request cannot be written. Nothing is sent then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Unwritable {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("the path {0} would lead elsewhere")]
    BadPath(String),
    #[error("the header {0} cannot carry its value")]
    BadHeader(String),
}

/// A judged answer, before its content is read.
struct Judged {
    meaning: Meaning,
    body: Result<Value, String>,
    evidence: Evidence,
}

impl HttpInventory {
    /// Readies an inventory; connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError`] when the connection cannot be what it says.
    pub(crate) fn new(profile: Profile, connection: &Connection) -> Result<Self, ClientError> {
        Ok(Self { profile, client: build(connection)? })
    }

    async fn ask(&self, request: &RequestTemplate, rules: &Rules, ask: Ask<'_>, timeout: Duration) -> Judged {
        let outgoing = match self.write(request, ask) {
            Ok(outgoing) => outgoing,
            Err(unwritable) => return Judged::unread(Meaning::NotSent(unwritable.to_string()), Evidence::default()),
        };
        match exchange(&self.client.client, outgoing, timeout).await {
            Seen::Answer { status, body } => {
                let evidence = evidence::of(status, &body, &self.client.secrets);
                let body = serde_json::from_slice::<Value>(&body).map_err(|error| format!("no JSON that can be read: {error}"));
                Judged { meaning: rules.judge(status, body.as_ref().ok(), ask.lines()), body, evidence }
            }
            Seen::NotSent(why) => Judged::unread(Meaning::NotSent(why), Evidence::default()),
            Seen::Lost { status: Some(status), body, why } => {
                Judged::unread(Meaning::Unknown(why), evidence::of(status, &body, &self.client.secrets))
            }
            Seen::Lost { status: None, why, .. } => Judged::unread(Meaning::Unknown(why), Evidence::default()),
        }
    }

    fn write(&self, request: &RequestTemplate, ask: Ask<'_>) -> Result<Outgoing, Unwritable> {
        let path = request.path.render(ask, None, percent_encode)?;
        let route = path.split('?').next().unwrap_or_default();
        // A value that is a dot or two would climb out of its place, encoded or not.
        if route.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Unwritable::BadPath(path));
        }
        let url = Url::parse(&format!("{}{path}", self.client.base)).map_err(|_| Unwritable::BadPath(path))?;
        let mut headers = vec![(ACCEPT, HeaderValue::from_static("application/json"))];
        if request.body.is_some() {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        for (name, text) in &request.headers {
            let value = text.render(ask, None, std::convert::identity)?;
            let value = HeaderValue::from_str(&value).map_err(|_| Unwritable::BadHeader(name.to_string()))?;
            headers.retain(|(existing, _)| existing != name);
            headers.push((name.clone(), value));
        }
        let body = request.body.as_ref().map(|body| body.render(ask)).transpose()?;
        let send_before = match ask {
            Ask::Hold(ask) => Some(ask.send_before),
            Ask::Check(_) | Ask::List(..) => None,
        };
        Ok(Outgoing { method: request.method.clone(), url, headers, body: body.map(|body| body.to_string().into_bytes()), send_before })
    }

    async fn hold(&self, operation: &HoldOperation, ask: &HoldAsk) -> Reply<Look> {
        let Judged { meaning, body, evidence } = self.ask(&operation.request, &operation.rules, Ask::Hold(ask), ask.timeout).await;
        let told = |state| Hold { reference: ask.reference.clone(), state, expires_at: None, lines: Vec::new() };
        let answer = match meaning {
            Meaning::Refused(refusal) => Answer::Refused(refusal),
            Meaning::Absent => Answer::Done(Look::Absent),
            Meaning::Ended(state) => Answer::Done(Look::Found(told(state))),
            Meaning::NotSent(why) => Answer::NotSent(why),
            Meaning::Unknown(why) => Answer::Unknown(why),
            Meaning::Success => match &operation.success {
                Success::Silent(state) => Answer::Done(Look::Found(told(*state))),
                Success::Hold(pointers) => {
                    let read = body.and_then(|body| pointers.read(&body, ask).map_err(|error| error.to_string()));
                    read.map_or_else(|why| unreadable(&evidence, &why), |hold| Answer::Done(Look::Found(hold)))
                }
                Success::List(list) => {
                    let read = body.and_then(|body| list.read(&body, ask).map_err(|error| error.to_string()));
                    read.map_or_else(|why| unreadable(&evidence, &why), Answer::Done)
                }
            },
        };
        self.reply(answer, evidence)
    }

    async fn offered(&self, which: Operation, ask: &HoldAsk) -> Reply<Look> {
        match self.operation(which, ask) {
            Some(operation) => self.hold(operation, ask).await,
            None => self.reply(Answer::NotSent(not_described(which)), Evidence::default()),
        }
    }

    /// How the profile describes an operation for this ask.
    fn operation(&self, which: Operation, ask: &HoldAsk) -> Option<&HoldOperation> {
        match which {
            Operation::Check | Operation::List => None,
            Operation::Reserve => Some(&self.profile.reserve),
            Operation::Lookup => {
                let by_reference = self.profile.lookup_by_reference.as_ref();
                by_reference.filter(|_| ask.reference.is_some()).or(self.profile.lookup_by_key.as_ref()).or(by_reference)
            }
            Operation::Release => self.profile.release.as_ref(),
            Operation::Confirm => self.profile.confirm.as_ref(),
            Operation::Extend => self.profile.extend.as_ref(),
        }
    }

    /// Whatever an answer says in words is looked through for secrets once more.
    fn reply<T>(&self, answer: Answer<T>, evidence: Evidence) -> Reply<T> {
        let clean = |text: String| evidence::redact(&text, &self.client.secrets);
        let answer = match answer {
            Answer::Done(result) => Answer::Done(result),
            Answer::NotSent(why) => Answer::NotSent(clean(why)),
            Answer::Unknown(why) => Answer::Unknown(clean(why)),
            Answer::Refused(mut refusal) => {
                refusal.message = refusal.message.map(clean);
                Answer::Refused(refusal)
            }
        };
        Reply { answer, evidence }
    }
}

impl Judged {
    fn unread(meaning: Meaning, evidence: Evidence) -> Self {
        Self { meaning, body: Err("no body".to_owned()), evidence }
    }
}

fn not_described(which: Operation) -> String {
    format!("the profile describes no {}", which.as_str())
}

fn unreadable<T>(evidence: &Evidence, why: &str) -> Answer<T> {
    match evidence.http_status {
        Some(status) => Answer::Unknown(format!("status {status}, but {why}")),
        None => Answer::Unknown(why.to_owned()),
    }
}

#[async_trait]
impl Supplier for HttpInventory {
    fn capabilities(&self) -> Capabilities {
        self.profile.capabilities
    }

    fn obstacle(&self, question: Question<'_>) -> Option<String> {
        let (request, which, ask) = match question {
            Question::Check(ask) => (self.profile.check.as_ref().map(|check| &check.request), Operation::Check, Ask::Check(ask)),
            Question::Hold(which, ask) => (self.operation(which, ask).map(|operation| &operation.request), which, Ask::Hold(ask)),
        };
        match request {
            Some(request) => self.write(request, ask).err().map(|unwritable| unwritable.to_string()),
            None => Some(not_described(which)),
        }
    }

    async fn server_date(&self, timeout: Duration) -> Option<DateTime<Utc>> {
        // The base address alone is nobody's operation: whatever it answers, it carries a date.
        let answer = self.client.client.get(&self.client.base).timeout(timeout).send().await.ok()?;
        let date = answer.headers().get(DATE)?.to_str().ok()?;
        DateTime::parse_from_rfc2822(date).ok().map(|date| date.to_utc())
    }

    async fn check(&self, ask: &CheckAsk) -> Reply<AvailabilityAnswer> {
        let Some(check) = &self.profile.check else {
            return self.reply(Answer::NotSent(not_described(Operation::Check)), Evidence::default());
        };
        let Judged { meaning, body, evidence } = self.ask(&check.request, &check.rules, Ask::Check(ask), ask.timeout).await;
        let answer = match meaning {
            Meaning::Refused(refusal) => Answer::Refused(refusal),
            Meaning::NotSent(why) => Answer::NotSent(why),
            Meaning::Unknown(why) => Answer::Unknown(why),
            Meaning::Absent | Meaning::Ended(_) => Answer::Unknown("the answer speaks of a hold".to_owned()),
            Meaning::Success => {
                let read = body.and_then(|body| check.pointers.read(&body, ask).map_err(|error| error.to_string()));
                read.map_or_else(|why| unreadable(&evidence, &why), Answer::Done)
            }
        };
        self.reply(answer, evidence)
    }

    fn listing(&self) -> Option<Listing> {
        self.profile.list.as_ref().map(|list| Listing { per_tenant: list.per_tenant })
    }

    fn releases_by_reference(&self) -> bool {
        self.profile.release.as_ref().is_some_and(|release| release.request.names_any(&[Name::Reference]))
    }

    async fn list_active(&self, ask: &ListAsk) -> Reply<ListedPage> {
        let Some(list) = &self.profile.list else {
            return self.reply(Answer::NotSent("the profile describes no list".to_owned()), Evidence::default());
        };
        let request = if ask.after.is_some() { &list.following } else { &list.first };
        let asked = Ask::List(ask, list.page_size);
        let Judged { meaning, body, evidence } = self.ask(request, &list.rules, asked, ask.timeout).await;
        let answer = match meaning {
            Meaning::NotSent(why) => Answer::NotSent(why),
            Meaning::Unknown(why) => Answer::Unknown(why),
            Meaning::Absent => Answer::Done(ListedPage::default()),
            Meaning::Refused(_) | Meaning::Ended(_) => Answer::Unknown("the answer speaks of one hold".to_owned()),
            Meaning::Success => {
                let read =
                    body.and_then(|body| list.listing.read(&body, &list.pages, ask.after.as_ref()).map_err(|error| error.to_string()));
                read.map_or_else(|why| unreadable(&evidence, &why), Answer::Done)
            }
        };
        self.reply(answer, evidence)
    }

    async fn reserve(&self, ask: &HoldAsk) -> Reply<Look> {
        self.offered(Operation::Reserve, ask).await
    }

    async fn lookup(&self, ask: &HoldAsk) -> Reply<Look> {
        self.offered(Operation::Lookup, ask).await
    }

    async fn release(&self, ask: &HoldAsk) -> Reply<Look> {
        self.offered(Operation::Release, ask).await
    }

    async fn confirm(&self, ask: &HoldAsk) -> Reply<Look> {
        self.offered(Operation::Confirm, ask).await
    }

    async fn extend(&self, ask: &HoldAsk) -> Reply<Look> {
        self.offered(Operation::Extend, ask).await
    }
}
