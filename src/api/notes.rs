//! `switchboard.v1.NoteService`.

use tonic::{Request, Response};

use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::offset_pages::{messages, page, positions};
use super::parse::{chat_address, iso_8601, optional, parse, x_phone};
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::notes::{self, NoteFilter, NoteView};
use crate::caller::Caller;
use crate::ids::{OrgId, PhoneSelector};
use crate::pb::note_service_server::NoteService;
use crate::pb::{
    CreateNoteRequest, CreateNoteResponse, DeleteNoteRequest, GetNoteRequest, ListChatNotesRequest,
    ListNotesRequest, ListNotesResponse, Note, UpdateNoteRequest,
};
use crate::store::lists::PageWindow;

#[tonic::async_trait]
impl NoteService for Api {
    async fn create_note(&self, request: Request<CreateNoteRequest>) -> RpcResult<CreateNoteResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let write = idempotent(&request, Response::new, move |view| created(note(org, view)))?;
        let CreateNoteRequest { chat_id, message } = request.into_inner();
        let chat = (chat_address("chat_id", &chat_id)?, number);
        Ok(notes::create(&self.store, &caller, chat, message, write).await?)
    }

    async fn list_notes(&self, request: Request<ListNotesRequest>) -> RpcResult<ListNotesResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let ListNotesRequest { offset, limit, start_time, end_time, skip_count } = request.into_inner();
        let start = optional("start_time", start_time, iso_8601)?;
        let end = optional("end_time", end_time, iso_8601)?;
        let filter = NoteFilter { start, end, ..NoteFilter::default() };
        self.listed_notes(&caller, number, filter, page(offset, limit, skip_count)).await
    }

    async fn list_chat_notes(&self, request: Request<ListChatNotesRequest>) -> RpcResult<ListNotesResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let ListChatNotesRequest { chat_id, offset, limit, start_time, end_time, skip_count } =
            request.into_inner();
        let chat = Some(chat_address("chat_id", &chat_id)?);
        let start = optional("start_time", start_time, iso_8601)?;
        let end = optional("end_time", end_time, iso_8601)?;
        let filter = NoteFilter { note: None, chat, start, end };
        self.listed_notes(&caller, number, filter, page(offset, limit, skip_count)).await
    }

    async fn get_note(&self, request: Request<GetNoteRequest>) -> RpcResult<Note> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let id = parse("note_id", &request.get_ref().note_id)?;
        Ok(with_etag(note(caller.org, notes::get(&self.store, &caller, number, id).await?)))
    }

    async fn update_note(&self, request: Request<UpdateNoteRequest>) -> RpcResult<Note> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = update(&request, move |view| note(org, view))?;
        let UpdateNoteRequest { note_id, message } = request.into_inner();
        let named = (parse("note_id", &note_id)?, number);
        Ok(notes::update(&self.store, &caller, named, message, precondition, write).await?)
    }

    async fn delete_note(&self, request: Request<DeleteNoteRequest>) -> RpcResult<()> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = deletion(&request, move |view| note(org, view))?;
        let named = (parse("note_id", &request.get_ref().note_id)?, number);
        Ok(notes::delete(&self.store, &caller, named, precondition, write).await?)
    }
}

impl Api {
    async fn listed_notes(
        &self,
        caller: &Caller,
        number: Option<PhoneSelector>,
        filter: NoteFilter,
        page: PageWindow,
    ) -> RpcResult<ListNotesResponse> {
        let listed = notes::list(&self.store, caller, number, filter, page).await?;
        let notes = messages(listed.items, |view| note(caller.org, view));
        let (from, to) = positions(page.offset, notes.len());
        Ok(Response::new(ListNotesResponse { from, to, count: listed.count, notes }))
    }
}

fn created(note: Note) -> CreateNoteResponse {
    CreateNoteResponse { success: true, message: "Note created".to_owned(), data: Some(note) }
}

fn note(org: OrgId, view: NoteView) -> Note {
    let NoteView { note, chat_id, phone } = view;
    Note {
        message_id: note.note_id.to_string(),
        org_id: org.to_string(),
        chat_id,
        org_phone: format!("{phone}@c.us"),
        message_type: "chat".to_owned(),
        is_private_note: true,
        body: note.body,
        performed_by: note.author,
        timestamp: Some(note.created_at.into()),
        updated_at: Some(note.updated_at.into()),
        media: None,
    }
}
