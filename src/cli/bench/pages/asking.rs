//! A server in this process, and somebody who asks it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::{Client, Method, header, redirect::Policy};
use serde_json::{Value, json};

use super::questions::{self, Question, Values};
use crate::admin::{self, Admin};
use crate::cli::{Installation, Instance, now, open_store};
use crate::http;
use crate::model::{Actor, NewApiToken};
use crate::store;

/// What was answered to a question.
#[derive(Debug)]
pub(in crate::cli::bench) struct Answers {
    pub(super) question: String,
    /// Of the last answer, or of the first that was no success.
    pub(super) status: u16,
    pub(super) took: Vec<Duration>,
    /// Of the longest answer.
    pub(super) bytes: usize,
    pub(super) is_bounded: bool,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// Asks everything about policies, of a server that has some.
pub(in crate::cli::bench) async fn of_policies(
    person: &Person,
    devices: usize,
    times: usize,
) -> anyhow::Result<Vec<Answers>> {
    let mut values = Values::new(devices, times);
    values.put("{identifier}", person.texts("/policies", "identifier").await?);
    values.put("{set}", vec!["bench".to_owned()]);
    let revisions = person.json(Method::GET, "/policies/revisions", None).await?;
    let revisions = revisions.get("items").unwrap_or(&revisions).as_array().context("there are no revisions")?;
    let numbers = revisions.iter().filter_map(|revision| revision.get("number")?.as_i64());
    values.put("{number}", numbers.map(|number| number.to_string()).collect());
    let draft = json!({ "declarations": [] });
    person.json(Method::POST, "/policies/drafts/bench", Some(&draft)).await?;
    let mut all = Vec::new();
    let concerns = |question: &Question| {
        let route = question.route.as_str();
        route.contains("/polic") || route.starts_with("/sets") || route == "/devices/{id}"
    };
    for question in questions::all().into_iter().filter(concerns) {
        let Ok(_) = question.address(&values, 0) else { continue };
        let (answers, next) = person.ask(&question, &values, times).await?;
        all.push(answers);
        if let Some(next) = next {
            all.push(person.ask_next(&question, &next, times).await?);
        }
    }
    Ok(all)
}

/// Somebody with a token for the API and a browser that is signed in.
pub(in crate::cli::bench) struct Person {
    http: Client,
    base: String,
    token: String,
    cookie: String,
}

struct Answer {
    status: u16,
    body: String,
    took: Duration,
}

/// Starts a server and asks it everything.
pub(super) async fn ask(installation: &Installation, devices: usize, times: usize) -> anyhow::Result<Vec<Answers>> {
    let instance = Instance::assemble(installation)?;
    let running = http::start(&installation.settings, instance.parts.clone()).await?;
    let person = Person::come_in(installation, format!("http://{}", running.admin_addr)).await?;
    let values = person.prepare(devices, times).await?;
    let mut all = Vec::new();
    for question in questions::all() {
        let (answers, next) = person.ask(&question, &values, times).await?;
        all.push(answers);
        if let Some(next) = next {
            all.push(person.ask_next(&question, &next, times).await?);
        }
    }
    running.stop().await;
    Ok(all)
}

/// Does it again while the server that is measured writes to the same database.
async fn patiently<T>(work: impl AsyncFn() -> Result<T, admin::Error>) -> Result<T, admin::Error> {
    let began = Instant::now();
    loop {
        match work().await {
            Err(admin::Error::Store(store::Error::Busy)) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            ended => return ended,
        }
    }
}

impl Person {
    pub(in crate::cli::bench) async fn come_in(installation: &Installation, base: String) -> anyhow::Result<Self> {
        let store = open_store(installation)?;
        let by = Actor::server("bench");
        let token = async || Admin::make_token(&store, NewApiToken::admin("bench"), &by, now()).await;
        let made = patiently(token).await?;
        let link = async || Admin::first_link(&store, &base, &by, now().plus_millis(60_000), now()).await;
        let link = patiently(link).await?;
        let http = Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build()?;
        // Chance, once: nobody ever types it.
        let password = format!("{:032x}", rand::random::<u128>());
        let name = format!("bench-{:08x}", rand::random::<u32>());
        let form = format!("name={name}&password={password}&again={password}");
        let joined = http
            .post(link.link.secret().expose().as_str())
            .header(header::ORIGIN, &base)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await?;
        let cookie = joined.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("nobody can sign in")?.to_owned();
        Ok(Self { http, base, token: made.token.expose().clone(), cookie })
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = if path.starts_with("/api/") {
            request.bearer_auth(&self.token)
        } else {
            request.header(header::COOKIE, &self.cookie)
        };
        let request = body.into_iter().fold(request, reqwest::RequestBuilder::json);
        let began = Instant::now();
        let response = request.send().await.with_context(|| format!("{path} is not answered"))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.with_context(|| format!("{path} is not answered to its end"))?;
        let took = began.elapsed();
        Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned(), took })
    }

    pub(in crate::cli::bench) async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, &format!("/api/v1{path}"), body).await?;
        ensure!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Texts of a list, each under this name.
    async fn texts(&self, path: &str, name: &str) -> anyhow::Result<Vec<String>> {
        let list = self.json(Method::GET, path, None).await?;
        // A list that has no pages stands for itself.
        let items = list.get("items").unwrap_or(&list).as_array().with_context(|| format!("{path} is no list"))?;
        Ok(items.iter().filter_map(|item| item.get(name)?.as_str()).map(str::to_owned).collect())
    }

    /// Looks for what can stand in paths, and makes what is not there.
    async fn prepare(&self, devices: usize, times: usize) -> anyhow::Result<Values> {
        let mut values = Values::new(devices, times);
        let device = values.behind("devices", 0)?.to_owned();
        // Those of one device belong together: a message is asked for within its session.
        let sessions = self.texts(&format!("/sessions?device_id={device}&limit=1"), "id").await?;
        let session = sessions.first().context("there is no session")?;
        values.put("messages", self.texts(&format!("/sessions/{session}/messages"), "id").await?);
        values.put("sessions", sessions);
        values.put("commands", self.texts("/commands?limit=20", "id").await?);
        values.put("actions", self.texts("/actions?limit=20", "id").await?);
        values.put("operators", self.texts("/operators", "name").await?);
        let made = |answer: Value, name: &str| {
            answer.get(name).and_then(Value::as_str).map(|text| vec![text.to_owned()]).context("nothing was made")
        };
        let name = format!("bench-{:08x}", rand::random::<u32>());
        let user = json!({ "name": name, "generate": true });
        values.put("enrollment-users", made(self.json(Method::POST, "/enrollment-users", Some(&user)).await?, "name")?);
        let person = json!({ "people": [{ "name": name, "groups": ["bench"] }] });
        self.json(Method::POST, "/directory/people", Some(&person)).await?;
        values.put("people", vec![name.clone()]);
        let token = json!({ "user": format!("{name}@example.com"), "uses": 1 });
        let token = self.json(Method::POST, "/enrollment-tokens", Some(&token)).await?;
        values.put("enrollment-tokens", made(token, "id")?);
        // There is no such host, and nothing is sent there: it wants no kind that happens.
        let hook = json!({ "name": name, "url": "https://receiver.invalid/", "types": ["device.unenrolled"] });
        values.put("webhooks", made(self.json(Method::POST, "/webhooks", Some(&hook)).await?, "id")?);
        // A configuration that no activation applies: it is shown, and changes no device.
        let settings = json!({ "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": 0 });
        let declaration = json!({ "type": "configuration", "identifier": name, "payload": { "settings": settings } });
        let policy = json!({ "set": "bench", "message": "to be looked at", "declarations": [declaration] });
        let applied = self.json(Method::POST, "/policies/apply", Some(&policy)).await?;
        let revision = applied.get("revision").and_then(Value::as_i64).context("nothing was published")?;
        values.put("{number}", vec![revision.to_string()]);
        values.put("{revision}", vec![self.staged(&name).await?]);
        let draft = json!({ "declarations": [] });
        self.json(Method::POST, "/policies/drafts/bench", Some(&draft)).await?;
        values.put("{set}", vec!["bench".to_owned()]);
        values.put("{identifier}", vec![name]);
        let mut keys = Vec::new();
        for time in 0..times {
            // Whichever device a page is of has a key, and is to have something.
            let path = format!("/devices/{}/recovery-keys", values.behind("devices", time)?);
            let key =
                json!({ "kind": "laps", "name": "Administrator", "secret": format!("{:016x}", rand::random::<u64>()) });
            keys.extend(made(self.json(Method::POST, &path, Some(&key)).await?, "id")?);
            let path = format!("/devices/{}/provisioning", values.behind("devices", time)?);
            self.json(Method::POST, &path, Some(&json!({ "plan": {} }))).await?;
        }
        values.put("keys", keys);
        let page = self.send(Method::GET, "/devices", None).await?.body;
        let asset =
            page.split("/assets/").nth(1).and_then(|rest| rest.split('"').next()).context("no page has a style")?;
        values.put("assets", vec![asset.to_owned()]);
        Ok(values)
    }

    /// A revision that goes to devices in stages; one that changes nothing for any device where there is none.
    async fn staged(&self, name: &str) -> anyhow::Result<String> {
        let known = self.json(Method::GET, "/policies/stages", None).await?;
        let first = known.get(0).and_then(|staged| staged.get("revision")).and_then(Value::as_i64);
        if let Some(revision) = first {
            return Ok(revision.to_string());
        }
        let asset = json!({ "type": "asset", "identifier": format!("{name}-staged"), "payload": { "text": "x" } });
        let plan = json!({ "stages": ["100%"] });
        let body =
            json!({ "set": "bench-staged", "message": "to be looked at", "declarations": [asset], "stages": plan });
        let applied = self.json(Method::POST, "/policies/apply", Some(&body)).await?;
        let revision = applied.get("revision").and_then(Value::as_i64).context("nothing was published")?;
        Ok(revision.to_string())
    }

    /// Asks a question again and again. Where the last answer says that there is more, gives where.
    async fn ask(
        &self,
        question: &Question,
        values: &Values,
        times: usize,
    ) -> anyhow::Result<(Answers, Option<String>)> {
        let mut answers = Answers::of(question, "");
        let mut next = None;
        for time in 0..times {
            let address = question.address(values, time)?;
            let answer = self.send(Method::GET, &address, None).await?;
            next = next_of(question, &address, &answer.body);
            answers.push(&answer);
        }
        Ok((answers, next))
    }

    async fn ask_next(&self, question: &Question, address: &str, times: usize) -> anyhow::Result<Answers> {
        let mut answers = Answers::of(question, " (next page)");
        for _ in 0..times {
            answers.push(&self.send(Method::GET, address, None).await?);
        }
        Ok(answers)
    }
}

impl Answers {
    fn of(question: &Question, which: &str) -> Self {
        let is_bounded = question.is_bounded();
        Self { question: format!("{}{which}", question.name()), status: 200, took: Vec::new(), bytes: 0, is_bounded }
    }

    fn push(&mut self, answer: &Answer) {
        if matches!(self.status, 200 | 204) {
            self.status = answer.status;
        }
        self.took.push(answer.took);
        self.bytes = self.bytes.max(answer.body.len());
    }
}

/// Where the next part of a list is.
fn next_of(question: &Question, address: &str, body: &str) -> Option<String> {
    if question.is_page {
        // As a template escapes it.
        let links = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut links = links.map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
        return links.find(|link| link.contains("cursor="));
    }
    let answer: Value = serde_json::from_str(body).ok()?;
    let cursor = answer.get("next_cursor")?.as_str()?;
    let separator = if address.contains('?') { '&' } else { '?' };
    Some(format!("{address}{separator}cursor={cursor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_part_is_where_the_answer_says() {
        let question = |is_page| Question { is_page, route: "/devices".to_owned(), query: String::new() };
        let list = r#"{"items":[],"next_cursor":"abc"}"#;
        assert_eq!(next_of(&question(false), "/x", list).as_deref(), Some("/x?cursor=abc"));
        assert_eq!(next_of(&question(false), "/x?a=b", list).as_deref(), Some("/x?a=b&cursor=abc"));
        assert_eq!(next_of(&question(false), "/x", r#"{"items":[],"next_cursor":null}"#), None);
        let page = r#"<a href="/a">a</a><a href="/devices?q=&#38;cursor=abc">more</a>"#;
        assert_eq!(next_of(&question(true), "/devices", page).as_deref(), Some("/devices?q=&cursor=abc"));
    }
}
