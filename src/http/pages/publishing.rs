//! What is published: which secrets have a value, and what is sent again.

use actix_web::web::{self, Data, Form, Path};
use serde::Deserialize;

use super::answer::see_other;
use super::{Reply, Visitor, page};
use crate::admin::{Admin, Error, RetryPolicies, SecretText, SetPolicySecret};
use crate::http::api::now;
use crate::model::Right;
use crate::ui::publishing::PolicySecretsPage;
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/policy-secrets").route(web::get().to(secrets)).route(web::post().to(set)))
        .service(web::resource("/policy-secrets/{name}/remove").route(web::post().to(remove)))
        .service(web::resource("/policy-retry").route(web::post().to(retry)));
}

#[derive(Deserialize)]
struct Given {
    csrf: String,
    name: String,
    value: SecretText,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

async fn secrets(visitor: Visitor, admin: Data<Admin>) -> Reply {
    shown(&visitor, &admin, None).await
}

async fn shown(visitor: &Visitor, admin: &Admin, error: Option<&str>) -> Reply {
    let secrets = admin.policy_secrets().await?;
    let frame = Frame::new(texts::publishing::SECRETS, Section::Policies, &visitor.viewer);
    Ok(page(&PolicySecretsPage { frame, secrets: &secrets, error }))
}

async fn set(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Given>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let set = SetPolicySecret { value: form.value };
    match admin.set_policy_secret(form.name.trim(), set, visitor.actor(), now()).await {
        Ok(_) => Ok(see_other("/policy-secrets")),
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => shown(&visitor, &admin, Some(&why)).await,
        Err(Error::Parameter(fault)) => shown(&visitor, &admin, Some(&fault.what)).await,
        Err(error) => Err(error.into()),
    }
}

async fn remove(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    admin.remove_policy_secret(&name, visitor.actor(), now()).await?;
    Ok(see_other("/policy-secrets"))
}

#[derive(Deserialize)]
struct Again {
    csrf: String,
    #[serde(default)]
    identifier: String,
    #[serde(default)]
    device: String,
}

async fn retry(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Again>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let (identifier, device_id) = (given(form.identifier), given(form.device));
    let back = match (&device_id, &identifier) {
        (Some(device), _) => format!("/devices/{}", part(device)),
        (None, Some(identifier)) => format!("/policies/{}", part(identifier)),
        (None, None) => "/policies".to_owned(),
    };
    admin.retry_policies(RetryPolicies { identifier, device_id }, visitor.actor(), now()).await?;
    Ok(see_other(&back))
}
