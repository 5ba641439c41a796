//! What people have already comes into a draft: profiles of other servers, and declarations as they stand in files. Chosen as
//! a file or pasted; nothing is published.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Path, Payload};

use super::answer::see_other;
use super::authoring::{around, frame, told};
use super::upload::{self, Uploaded};
use super::{Reply, Visitor, page};
use crate::admin::{Admin, Error, ImportPolicies, ImportedPolicies, MAX_PROFILE};
use crate::http::api::now;
use crate::model::Right;
use crate::policy::declaration::{Declaration, Identifier, read_json};
use crate::ui::authoring::{ImportEntered, ImportPage, Tab};
use crate::ui::text::part;
use crate::ui::texts::authoring as texts;

/// The parts of the form, each with its bound in bytes.
const PARTS: [(&str, usize); 5] =
    [("as", 32), ("name", 1024), ("whole", 32), ("file", MAX_PROFILE), ("text", MAX_PROFILE)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/sets/{set}/import").route(web::get().to(ask_import)).route(web::post().to(import)));
}

async fn ask_import(visitor: Visitor, admin: Data<Admin>, name: Path<String>) -> Reply {
    visitor.require(Right::Author)?;
    shown(&visitor, &admin, &name, &ImportEntered::default(), None, None).await
}

async fn shown(
    visitor: &Visitor,
    admin: &Admin,
    set: &str,
    entered: &ImportEntered,
    imported: Option<&ImportedPolicies>,
    error: Option<&str>,
) -> Reply {
    let working = admin.working_set(set, visitor.actor()).await?;
    let around = around(&working, Tab::Import, None, error);
    Ok(page(&ImportPage { frame: frame(visitor, set), around, imported, entered }))
}

/// What was entered, and the text that it is about: that of a file where one was chosen.
fn entered(uploaded: &Uploaded) -> Result<(ImportEntered, String), &'static str> {
    let text = |name| uploaded.text(name).map_err(|_| texts::IMPORT_NO_TEXT);
    let (file, pasted) = (text("file")?, text("text")?);
    let entered = ImportEntered {
        is_declarations: text("as")? == "declarations",
        is_whole: text("whole")? == "true",
        name: text("name")?.to_owned(),
        text: pasted.to_owned(),
    };
    let given = if file.trim().is_empty() { pasted } else { file };
    Ok((entered, given.to_owned()))
}

async fn import(
    visitor: Visitor,
    admin: Data<Admin>,
    set: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Reply {
    let uploaded = upload::read(&visitor, Right::Author, &request, payload, &PARTS).await?;
    let (entered, text) = match entered(&uploaded) {
        Ok(given) => given,
        Err(why) => return shown(&visitor, &admin, &set, &ImportEntered::default(), None, Some(why)).await,
    };
    if text.trim().is_empty() {
        return shown(&visitor, &admin, &set, &entered, None, Some(texts::IMPORT_EMPTY)).await;
    }
    let done = if entered.is_declarations {
        take_in(&visitor, &admin, &set, &entered, text).await.map(|()| None)
    } else {
        convert(&visitor, &admin, &set, &entered, text).await.map(Some)
    };
    match done {
        Ok(None) => Ok(see_other(&format!("/sets/{}?done=saved", part(&set)))),
        Ok(Some(imported)) => shown(&visitor, &admin, &set, &ImportEntered::default(), Some(&imported), None).await,
        Err(error) => shown(&visitor, &admin, &set, &entered, None, Some(&told(error)?)).await,
    }
}

/// Declarations as they stand in files take the place of those of the same name, or of all.
async fn take_in(
    visitor: &Visitor,
    admin: &Admin,
    set: &str,
    entered: &ImportEntered,
    text: String,
) -> Result<(), Error> {
    let new = admin.read_declarations(text).await?;
    if new.is_empty() {
        return Err(Error::Conflict(texts::IMPORTED_NOTHING.to_owned()));
    }
    let change = |all: &mut Vec<Declaration>| {
        if entered.is_whole {
            all.clear();
        }
        for declaration in &new {
            match all.iter_mut().find(|known| known.identifier == declaration.identifier) {
                Some(known) => *known = declaration.clone(),
                None => all.push(declaration.clone()),
            }
        }
        Ok(())
    };
    admin.change_draft(set, visitor.actor(), now(), change).await
}

/// A profile becomes declarations beside what is there.
async fn convert(
    visitor: &Visitor,
    admin: &Admin,
    set: &str,
    entered: &ImportEntered,
    text: String,
) -> Result<ImportedPolicies, Error> {
    let imported = admin.import_policies(ImportPolicies { name: Some(entered.name.clone()), text }).await?;
    let new: Vec<Declaration> = imported
        .declarations
        .iter()
        .flat_map(|json| read_json(json).documents)
        .map(|document| document.declaration)
        .collect();
    let change = |all: &mut Vec<Declaration>| {
        for declaration in &new {
            let mut declaration = declaration.clone();
            // What is there stays: what comes is called otherwise.
            let first = declaration.identifier.to_string();
            for number in 2.. {
                if !all.iter().any(|known| known.identifier == declaration.identifier) {
                    break;
                }
                let name = format!("{first}-{number}");
                declaration.identifier =
                    Identifier::parse(&name).map_err(|error| Error::invalid("/name", error.to_string()))?;
            }
            all.push(declaration);
        }
        Ok(())
    };
    if !new.is_empty() {
        admin.change_draft(set, visitor.actor(), now(), change).await?;
    }
    Ok(imported)
}
