//! A library, served over gRPC and REST on one port.
//!
//! ```sh
//! cargo run --package transcode --example library
//! curl -i localhost:8081/v1/books -d '{"title": "Emma"}' -H 'content-type: application/json'
//! curl -i localhost:8081/v1/books/book-1
//! curl -i -X PATCH localhost:8081/v1/books/book-1 -d '{"shelf": "fiction/austen"}' -H 'content-type: application/json'
//! curl -i localhost:8081/v1/shelves/fiction/austen/books
//! curl -N localhost:8081/v1/loans:watch -H 'accept: text/event-stream'
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tonic::codegen::tokio_stream::{self, Stream};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};
use transcode::{Options, RouteError, Transcoder};
use transcode_example_proto::library::pb::library_server::{Library, LibraryServer};
use transcode_example_proto::library::pb::{
    Book, CreateBookRequest, GetBookRequest, ListBooksRequest, ListBooksResponse, Loan, UpdateBookRequest,
    WatchLoansRequest,
};
use transcode_example_proto::library::routes::library_routes;

/// The service: a plain implementation of the trait that tonic generates.
#[derive(Default)]
pub struct Books(Mutex<BTreeMap<String, Book>>);

impl Books {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_book() -> Status {
    Status::not_found("no such book")
}

#[tonic::async_trait]
impl Library for Books {
    async fn get_book(&self, request: Request<GetBookRequest>) -> Result<Response<Book>, Status> {
        let book = self.lock().get(&request.get_ref().book_id).cloned().ok_or_else(no_such_book)?;
        // Metadata such as the ETag becomes a header. `If-None-Match` is honored without further code.
        let etag = format!("\"{}-{}\"", book.title().len(), book.shelf().len());
        let mut response = Response::new(book);
        response.metadata_mut().insert("etag", etag.parse().map_err(|_| Status::internal("invalid ETag"))?);
        Ok(response)
    }

    async fn list_books(
        &self,
        request: Request<ListBooksRequest>,
    ) -> Result<Response<ListBooksResponse>, Status> {
        let ListBooksRequest { filter, limit } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let limit = if limit == 0 { 20 } else { usize::try_from(limit).unwrap_or_default() };
        let matches = |book: &&Book| {
            (filter.shelf.is_empty() || book.shelf() == filter.shelf)
                && filter.words.iter().all(|word| book.title().contains(word))
        };
        let books = self.lock().values().filter(matches).take(limit).cloned().collect();
        Ok(Response::new(ListBooksResponse { books }))
    }

    async fn create_book(&self, request: Request<CreateBookRequest>) -> Result<Response<Book>, Status> {
        let CreateBookRequest { title } = request.into_inner();
        if title.is_empty() {
            // Details name the field in the response.
            let details = ErrorDetails::with_bad_request_violation("title", "title must not be empty");
            let code = tonic::Code::InvalidArgument;
            return Err(Status::with_error_details(code, "title must not be empty", details));
        }
        let mut books = self.lock();
        let book_id = format!("book-{}", books.len() + 1);
        let book = Book { book_id: book_id.clone(), title: Some(title), shelf: None };
        books.insert(book_id, book.clone());
        Ok(Response::new(book))
    }

    async fn update_book(&self, request: Request<UpdateBookRequest>) -> Result<Response<Book>, Status> {
        let UpdateBookRequest { book_id, book, update_mask } = request.into_inner();
        let (new, mask) = (book.unwrap_or_default(), update_mask.unwrap_or_default());
        let mut books = self.lock();
        let book = books.get_mut(&book_id).ok_or_else(no_such_book)?;
        for path in &mask.paths {
            match path.as_str() {
                "title" => book.title = new.title.clone(),
                "shelf" => book.shelf = new.shelf.clone(),
                path => return Err(Status::invalid_argument(format!("{path} cannot be changed"))),
            }
        }
        Ok(Response::new(book.clone()))
    }

    async fn delete_book(&self, request: Request<GetBookRequest>) -> Result<Response<()>, Status> {
        self.lock().remove(&request.get_ref().book_id).ok_or_else(no_such_book)?;
        Ok(Response::new(()))
    }

    type WatchLoansStream = Pin<Box<dyn Stream<Item = Result<Loan, Status>> + Send>>;

    /// Streams three loans.
    /// A client that reconnects with `Last-Event-ID` receives those after its last one.
    async fn watch_loans(
        &self,
        request: Request<WatchLoansRequest>,
    ) -> Result<Response<Self::WatchLoansStream>, Status> {
        let last: u32 = request.get_ref().token.parse().unwrap_or_default();
        let loans = (last + 1..=3).map(|n| Ok(Loan { book_id: format!("book-{n}"), token: n.to_string() }));
        let unknown = (last > 3).then(|| Err(Status::out_of_range("no such loan")));
        Ok(Response::new(Box::pin(tokio_stream::iter(loans.chain(unknown)))))
    }
}

/// The REST API of a library. The guard accepts everyone.
pub fn rest(books: Arc<Books>) -> Result<Transcoder, RouteError> {
    Transcoder::new(library_routes(books), |_, _| Ok(()), Options::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let books = Arc::new(Books::default());
    let grpc = Routes::new(LibraryServer::from_arc(books.clone()));
    let router = grpc.into_axum_router().fallback_service(rest(books)?);
    let listener = TcpListener::bind("127.0.0.1:8081").await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = Builder::new(TokioExecutor::new());
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("{error}");
            }
        });
    }
}
