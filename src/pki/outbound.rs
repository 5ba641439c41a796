//! TLS towards others: the commands that talk to a server, and whatever the server itself has to call.
//!
//! The OpenSSL that we bring along knows no root certificates. The TLS library under the client looks for the system's
//! (and honours `SSL_CERT_FILE` and `SSL_CERT_DIR`); a test holds it to that.

use std::time::Duration;

/// An HTTPS client that trusts the system's roots and the given ones, follows no redirect and gives up in time.
pub fn client(roots: &[reqwest::Certificate], timeout: Duration) -> reqwest::Result<reqwest::Client> {
    builder(roots, timeout).build()
}

/// The same, before it is made.
pub fn builder(roots: &[reqwest::Certificate], timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_certs_merge(roots.iter().cloned())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout)
        .timeout(timeout)
        .user_agent(concat!("transom/", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::pki::tls::tests::Greeter;

    const TIMEOUT: Duration = Duration::from_secs(10);

    async fn greeting(url: &str, roots: &[reqwest::Certificate]) -> reqwest::Result<String> {
        client(roots, TIMEOUT).unwrap().get(url).send().await?.text().await
    }

    #[tokio::test]
    async fn a_server_is_believed_only_by_a_root_that_is_trusted() {
        let greeter = Greeter::start(false);
        let url = format!("https://localhost:{}/", greeter.address.port());
        let root = reqwest::Certificate::from_pem(&std::fs::read(greeter.root()).unwrap()).unwrap();
        assert!(greeting(&url, &[]).await.unwrap_err().is_connect());
        assert_eq!(greeting(&url, std::slice::from_ref(&root)).await.unwrap(), "hi");
    }

    #[test]
    fn roots_of_the_system_are_found() {
        let greeter = Greeter::start(false);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pki::outbound::tests::with_roots_of_the_system", "--ignored"])
            .env("SSL_CERT_FILE", greeter.root())
            .env("GREETER", format!("https://localhost:{}/", greeter.address.port()))
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
        assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"));
    }

    #[tokio::test]
    #[ignore = "needs an environment that roots_of_the_system_are_found makes"]
    async fn with_roots_of_the_system() {
        assert_eq!(greeting(&std::env::var("GREETER").unwrap(), &[]).await.unwrap(), "hi");
    }
}
