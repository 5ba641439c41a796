//! What is published: which secrets have a value, and what is sent again.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::authoring::large;
use super::{Reply, Visitor, page};
use crate::admin::{Admin, Error, RetryPolicies, SecretText, SetPolicySecret};
use crate::http::api::now;
use crate::model::{Right, Secret};
use crate::ui::publishing::{PolicyRetryPage, PolicySecretsPage, is_retried};
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/policy-secrets").app_data(large()).route(web::get().to(secrets)).route(web::post().to(set)),
        )
        .service(web::resource("/policy-secrets/{name}/remove").route(web::post().to(remove)))
        .service(web::resource("/policy-retry").route(web::post().to(retry)))
        .service(
            web::resource("/devices/{id}/retry").route(web::get().to(ask_device)).route(web::post().to(retry_device)),
        );
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

async fn secrets(visitor: Visitor, admin: Data<Admin>, Query(named): Query<Named>) -> Reply {
    shown(&visitor, &admin, &named.name, None).await
}

async fn shown(visitor: &Visitor, admin: &Admin, name: &str, error: Option<&str>) -> Reply {
    let secrets = admin.policy_secrets().await?;
    let frame = Frame::new(texts::publishing::SECRETS, Section::Policies, &visitor.viewer);
    Ok(page(&PolicySecretsPage { frame, secrets: &secrets, name, error }))
}

async fn set(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Given>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let set = SetPolicySecret { value: SecretText::new(as_written(form.value.secret())) };
    let name = form.name.trim();
    match admin.set_policy_secret(name, set, visitor.actor(), now()).await {
        Ok(_) => Ok(see_other("/policy-secrets")),
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown(&visitor, &admin, name, Some(&why)).await
        }
        Err(Error::Parameter(fault)) => shown(&visitor, &admin, name, Some(&fault.what)).await,
        Err(error) => Err(error.into()),
    }
}

/// What was written into the field: browsers end its lines as Windows does, and one line end after it is none of it.
fn as_written(value: &Secret<String>) -> Secret<String> {
    let value = value.expose();
    let value = value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n')).unwrap_or(value);
    Secret::new(value.replace("\r\n", "\n"))
}

async fn remove(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    admin.remove_policy_secret(&name, visitor.actor(), now()).await?;
    Ok(see_other("/policy-secrets"))
}

#[derive(Deserialize, Default)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Again {
    csrf: String,
    #[serde(default)]
    identifier: String,
}

async fn retry(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Again>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    // Without a name it would be all of everything.
    let identifier = Some(form.identifier).filter(|name| !name.is_empty()).ok_or(Error::NotFound("declaration"))?;
    let back = format!("/policies/{}", part(&identifier));
    let retry = RetryPolicies { identifier: Some(identifier), device_id: None };
    admin.retry_policies(retry, visitor.actor(), now()).await?;
    Ok(see_other(&back))
}

/// What is sent again to a device is asked about first: its user may notice it.
async fn ask_device(visitor: Visitor, admin: Data<Admin>, id: Path<String>) -> Reply {
    visitor.require(Right::Act)?;
    let device = admin.device(&id).await?;
    let mut settings = admin.device_policies(&device.id).await?.settings;
    settings.retain(is_retried);
    let frame = Frame::new(texts::publishing::RETRY, Section::Devices, &visitor.viewer);
    Ok(page(&PolicyRetryPage { frame, device: &device, settings: &settings }))
}

async fn retry_device(visitor: Visitor, admin: Data<Admin>, id: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Act)?;
    let retry = RetryPolicies { identifier: None, device_id: Some(id.clone()) };
    admin.retry_policies(retry, visitor.actor(), now()).await?;
    Ok(see_other(&format!("/devices/{}?done=retry", part(&id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_secret_end_as_they_do_in_a_file() {
        for (entered, written) in [("a\r\nb\r\n", "a\nb"), ("a\n\n", "a\n"), ("a", "a"), ("", "")] {
            assert_eq!(as_written(&Secret::new(entered.to_owned())).expose(), written);
        }
    }
}
