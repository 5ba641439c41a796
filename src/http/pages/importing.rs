//! What people have already comes into a draft: profiles of other servers, and declarations as they stand in files. Chosen as
//! a file or pasted; nothing is published.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Path, Payload};

use super::answer::see_other;
use super::authoring::{around, frame, told};
use super::upload::{self, NoText, Uploaded};
use super::{Reply, Visitor, page};
use crate::admin::{Admin, Error, ImportPolicies, ImportedPolicies, MAX_PROFILE};
use crate::http::api::now;
use crate::model::Right;
use crate::policy::declaration::Declaration;
use crate::ui::authoring::{ImportEntered, ImportPage, Tab};
use crate::ui::text::part;
use crate::ui::texts::authoring as texts;

/// The parts of the form, each with its bound in bytes.
const PARTS: [(&str, usize); 5] =
    [("as", 32), ("name", 1024), ("whole", 32), ("file", MAX_PROFILE), ("text", MAX_PROFILE)];

/// How often a profile is read again when a name is given away meanwhile.
const TRIES: usize = 4;

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

/// What was entered, and the text that it is about: that of a file where one was chosen; nothing where that is no text.
fn entered(uploaded: &Uploaded) -> (ImportEntered, Result<String, NoText>) {
    let text = |name| uploaded.text(name).unwrap_or_default();
    let entered = ImportEntered {
        is_declarations: text("as") == "declarations",
        is_whole: text("whole") == "true",
        name: text("name"),
        text: text("text"),
    };
    let given = match uploaded.text("file") {
        Ok(file) if file.trim().is_empty() => uploaded.text("text"),
        file => file,
    };
    (entered, given)
}

async fn import(
    visitor: Visitor,
    admin: Data<Admin>,
    set: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Reply {
    let uploaded = upload::read(&visitor, Right::Author, &request, payload, &PARTS).await?;
    let (entered, given) = entered(&uploaded);
    let Ok(text) = given else {
        return shown(&visitor, &admin, &set, &entered, None, Some(texts::IMPORT_NO_TEXT)).await;
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

/// A profile becomes declarations beside what is there, under names that are free there.
async fn convert(
    visitor: &Visitor,
    admin: &Admin,
    set: &str,
    entered: &ImportEntered,
    text: String,
) -> Result<ImportedPolicies, Error> {
    let profile = ImportPolicies { name: Some(entered.name.clone()), text };
    for _ in 0..TRIES {
        let working = admin.working_set(set, visitor.actor()).await?;
        let taken = working.declarations.into_iter().map(|declaration| declaration.identifier).collect();
        let (new, imported) = admin.import_beside(profile.clone(), taken).await?;
        if new.is_empty() {
            return Ok(imported);
        }
        let change = |all: &mut Vec<Declaration>| {
            let is_taken = |new: &Declaration| all.iter().any(|known| known.identifier == new.identifier);
            if new.iter().any(is_taken) {
                return Err(Error::Changed);
            }
            all.extend(new.iter().cloned());
            Ok(())
        };
        match admin.change_draft(set, visitor.actor(), now(), change).await {
            // One of the names was given to something else meanwhile.
            Err(Error::Changed) => {}
            done => return done.map(|()| imported),
        }
    }
    Err(Error::Busy)
}
