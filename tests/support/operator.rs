//! Who gives orders to a server, over its API.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// An operator with a token.
#[derive(Clone)]
pub(crate) struct Operator {
    http: Client,
    admin: String,
    token: String,
}

/// Somebody who is signed in and looks at pages.
pub(crate) struct Viewer {
    http: Client,
    admin: String,
    cookie: String,
}

impl Viewer {
    /// A page or a file, with its status.
    pub(crate) async fn see(&self, path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.admin)).header("Cookie", &self.cookie);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

impl Operator {
    pub(super) fn new(admin: &str, token: &str) -> Self {
        let http = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        Self { http, admin: admin.to_owned(), token: token.to_owned() }
    }

    /// Somebody else, with this token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Makes enrollments.
    pub(crate) async fn import(&self, entries: &[Value]) {
        let answer = self.post("/api/v1/enrollments/import", &json!({ "enrollments": entries })).await;
        assert_eq!(answer["imported"], entries.len(), "{answer}");
    }

    /// Gives an order; gives the ids of its commands, device by device.
    pub(crate) async fn order(&self, order: &Value) -> Vec<Vec<String>> {
        let answer = self.post("/api/v1/commands", order).await;
        let devices = answer["devices"].as_array().unwrap();
        devices.iter().map(|device| serde_json::from_value(device["commands"].clone()).unwrap()).collect()
    }

    /// Gives an order to one device; gives the ids of its commands.
    pub(crate) async fn order_for(&self, device: &str, commands: &Value) -> Vec<String> {
        self.order(&json!({ "device_id": device, "commands": commands })).await.remove(0)
    }

    /// Gives an order to one device as a client should: a server that has too much to do is asked again, with the key that
    /// makes it the same order.
    pub(crate) async fn order_patiently(&self, device: &str, commands: &Value) {
        let key = uuid::Uuid::now_v7().to_string();
        let order = json!({ "device_id": device, "commands": commands });
        for _ in 0..60 {
            let request = self.http.post(format!("{}/api/v1/commands", self.admin)).bearer_auth(&self.token);
            let response = request.header("Idempotency-Key", &key).json(&order).send().await.unwrap();
            let status = response.status();
            if status.is_success() {
                return;
            }
            // It has too much to do, or did not come to reading the request in time: nothing was done.
            assert!(matches!(status.as_u16(), 408 | 503), "{device}: {status} {}", response.text().await.unwrap());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{device}: the server is too busy for half a minute");
    }

    /// Somebody who becomes an operator of a role and looks at pages.
    pub(crate) async fn viewer(&self, name: &str, role: &str) -> Viewer {
        let made = self.post("/api/v1/operators", &json!({ "name": name, "role": role })).await;
        let link = made["link"].as_str().unwrap();
        let path = &link[link.find("/join/").unwrap()..];
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let request =
            http.post(format!("{}{path}", self.admin)).header("Content-Type", "application/x-www-form-urlencoded");
        let joined = request.body("password=long-enough-for-now&again=long-enough-for-now").send().await.unwrap();
        assert_eq!(joined.status(), 303, "{path}");
        let cookie = joined.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Viewer { http, admin: self.admin.clone(), cookie }
    }

    /// A command with all that is known of it.
    pub(crate) async fn command(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/commands/{id}")).await
    }

    /// The state of a command.
    pub(crate) async fn state(&self, id: &str) -> String {
        self.command(id).await["state"].as_str().unwrap().to_owned()
    }

    /// All that a list holds.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{separator}limit=500{cursor}")).await;
            entries.append(page["items"].as_array_mut().unwrap());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return entries,
            }
        }
    }

    /// Looks at something.
    pub(crate) async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.call(Method::GET, path, None).await).unwrap()
    }

    /// Changes something.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        serde_json::from_str(&self.call(Method::POST, path, Some(body)).await).unwrap()
    }

    /// Takes something away.
    pub(crate) async fn delete(&self, path: &str) -> Value {
        serde_json::from_str(&self.call(Method::DELETE, path, None).await).unwrap()
    }

    /// Begins to read a stream, from behind a number.
    pub(crate) async fn stream(&self, path: &str, after: Option<i64>) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.admin)).bearer_auth(&self.token);
        let request = after.into_iter().fold(request, |request, after| request.header("Last-Event-ID", after));
        request.send().await.unwrap()
    }

    /// Whether the server says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.admin)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Counters, as text.
    pub(crate) async fn metrics(&self) -> String {
        self.call(Method::GET, "/metrics", None).await
    }

    /// The sum of a counter over all labels that contain `label`.
    pub(crate) async fn counter(&self, name: &str, label: &str) -> u64 {
        let metrics = self.metrics().await;
        let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// What becomes of a request that is to be refused.
    pub(crate) async fn refused(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.admin)).bearer_auth(&self.token).json(body);
        let response = request.send().await.unwrap();
        let status = response.status();
        assert!(!status.is_success(), "{path}: {status}");
        (status.as_u16(), response.json().await.unwrap())
    }

    /// Looks at something that can't be shown.
    pub(crate) async fn not_shown(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.admin)).bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        assert!(!response.status().is_success(), "{path}");
        response.json().await.unwrap()
    }

    /// Bytes of something.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.http.get(format!("{}{path}", self.admin)).bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// Asks for something that may be refused, and says with which status it was answered.
    pub(crate) async fn answers(&self, path: &str, body: &Value) -> u16 {
        let request = self.http.post(format!("{}{path}", self.admin)).bearer_auth(&self.token).json(body);
        request.send().await.unwrap().status().as_u16()
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> String {
        let mut request = self.http.request(method, format!("{}{path}", self.admin)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }
}
