//! One order: account, names, proofs, certificate.

use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use zeroize::Zeroizing;

use super::{Acme, issued};
use crate::model::{Challenges, IssuedPublicCertificate};
use crate::pki::public;
use crate::store::{Error, Tx};

/// Letters of what an ACME server says that are kept.
const MOST_LETTERS: usize = 600;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// In words for operators: of the ACME server, or of what became of a call.
    #[error("{0}")]
    Said(String),
    /// Our own trouble, which is not the order's.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<instant_acme::Error> for Problem {
    fn from(error: instant_acme::Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self::said(&text)
    }
}

impl Problem {
    fn said(text: &str) -> Self {
        Self::Said(text.chars().take(MOST_LETTERS).collect())
    }
}

impl Acme {
    /// Orders a certificate; gives it with its key.
    pub(super) async fn order(&self) -> Result<(IssuedPublicCertificate, Zeroizing<Vec<u8>>), Problem> {
        let options = &self.0.options;
        let account = self.account().await?;
        let names: Vec<Identifier> = options.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = match account.new_order(&NewOrder::new(&names)).await {
            Ok(order) => order,
            Err(error) => {
                if is_forgotten(&error) {
                    self.0.store.write(|tx: &mut Tx<'_>| tx.forget_acme_account()).await?;
                }
                return Err(error.into());
            }
        };
        let patience = RetryPolicy::new().timeout(options.order_timeout);
        self.prove(&mut order).await?;
        if order.poll_ready(&patience).await? != OrderStatus::Ready {
            return Err(why_invalid(&mut order).await);
        }
        let (key, request) =
            public::request(options.key, &options.names).map_err(|error| Problem::said(&error.to_string()))?;
        order.finalize_csr(&request).await?;
        let chain = order.poll_certificate(&patience).await?;
        let issued = issued(chain, &key, &self.0.wanted, &options.names).map_err(Problem::Said)?;
        Ok((issued, key))
    }

    /// The account that all instances share; made where there is none at this directory.
    async fn account(&self) -> Result<Account, Problem> {
        let directory = self.0.options.directory.clone();
        let of = directory.clone();
        let kept = self.0.store.read(move |tx: &mut Tx<'_>| tx.acme_account(&of)).await?;
        let builder = || Account::builder_with_http(Box::new(self.0.wire.clone()));
        if let Some(credentials) = kept.and_then(|kept| serde_json::from_slice::<AccountCredentials>(&kept).ok()) {
            return Ok(builder().from_credentials(credentials).await?);
        }
        let contact: Vec<&str> = self.0.options.contacts.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = builder().create(&new, directory.clone(), None).await?;
        let kept = serde_json::to_vec(&credentials).map(Zeroizing::new);
        let kept = kept.map_err(|_| Problem::said("the account can't be kept"))?;
        self.0.store.write(move |tx: &mut Tx<'_>| tx.save_acme_account(&directory, &kept)).await?;
        Ok(account)
    }

    /// Shows what the ACME server wants to see for each name that it does not believe yet, then tells it to look.
    async fn prove(&self, order: &mut Order) -> Result<(), Problem> {
        let mut challenges = Challenges::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => return Err(Problem::said(&format!("an authorization is {other:?} before it was tried"))),
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let challenge = challenge.ok_or_else(|| {
                Problem::said("the ACME server does not offer tls-alpn-01, and nothing else can be answered")
            })?;
            let name = match challenge.identifier().identifier {
                Identifier::Dns(name) if self.0.options.names.contains(name) => name.clone(),
                _ => return Err(Problem::said("the ACME server asks for something that was not ordered")),
            };
            challenges.insert(name, challenge.key_authorization().digest().as_ref().to_vec());
        }
        if challenges.is_empty() {
            return Ok(());
        }
        self.0.store.write(move |tx: &mut Tx<'_>| tx.save_challenges(&challenges)).await?;
        self.look().await?;
        if self.0.options.spread > Duration::ZERO {
            tokio::time::sleep(self.0.options.spread).await;
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Pending
                && let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01)
            {
                challenge.set_ready().await?;
            }
        }
        Ok(())
    }
}

/// Whether the ACME server does not know the account any more: the next order makes another.
fn is_forgotten(error: &instant_acme::Error) -> bool {
    let instant_acme::Error::Api(problem) = error else { return false };
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

/// What the ACME server says of an order that came to nothing.
async fn why_invalid(order: &mut Order) -> Problem {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Problem::said(&format!("{name} could not be proved: {problem}"));
        }
    }
    match &order.state().error {
        Some(problem) => Problem::said(&format!("the order came to nothing: {problem}")),
        None => Problem::said("the order came to nothing, and the ACME server does not say why"),
    }
}
