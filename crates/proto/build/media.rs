//! Describes the download of media files for the OpenAPI document: the one route of the REST APIs that no RPC serves.

use serde_json::{Map, Value, json};

/// The API whose errors it has.
pub const API: &str = "chat";
/// Its path.
pub const PATH: &str = "/v1/media/{media_id}";

/// The headers of a request: name, description and example.
const HEADERS: [[&str; 3]; 3] = [
    [
        "Range",
        "The part of the file to get, such as `bytes=0-1023`. Several ranges are answered with the whole file.",
        "bytes=0-1023",
    ],
    [
        "If-Range",
        "An `ETag`: the range is ignored, and the whole file returned, unless the file still has it.",
        "",
    ],
    ["If-None-Match", "An `ETag`: a file that still has it is not sent again.", ""],
];

/// The path item.
pub fn path_item() -> Value {
    let capability = json!(["read"]);
    json!({"get": {
        "operationId": "GetMedia",
        "tags": ["Messages"],
        "summary": "Download a media file",
        "description": "Returns the bytes of a media file: that of a message's `media`, whose `path` is this path. HEAD returns the \
                        headers alone. Images, audio and videos are sent to be shown, other files to be saved.\n\n\
                        Needs the capability `read`. Not available over gRPC.",
        "security": [{"bearer": capability}, {"apiKey": capability}],
        "parameters": parameters(),
        "responses": responses(),
    }})
}

fn parameters() -> Vec<Value> {
    let id = json!({
        "name": "media_id", "in": "path", "required": true, "example": "media-qhzvnrdkplmtwxyc",
        "description": "The `id` in a message's `media`.",
        "schema": {"type": "string", "pattern": "^media-[a-z]{16}$", "x-refers-to": "media"},
    });
    let headers = HEADERS.map(|[name, description, example]| {
        let mut header =
            json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"}});
        if !example.is_empty() {
            header["example"] = json!(example);
        }
        header
    });
    let request_id = json!({"$ref": "#/components/parameters/XRequestId"});
    [id].into_iter().chain(headers).chain([request_id]).collect()
}

fn responses() -> Map<String, Value> {
    let header = |description: &str| json!({"description": description, "required": true, "schema": {"type": "string"}});
    let described = |description: &str, headers: &[(&str, Value)]| {
        let mut all = json!({"x-request-id": {"$ref": "#/components/headers/XRequestId"}});
        headers.iter().for_each(|(name, header)| all[*name] = header.clone());
        json!({"description": description, "headers": all})
    };
    let etag = ("etag", json!({"$ref": "#/components/headers/ETag"}));
    let ranges = ("accept-ranges", header("`bytes`: parts can be requested."));
    let range = ("content-range", header("The part that the response is, and the size of the file."));
    let file = |description: &str, more: &[(&str, Value)]| {
        let name = (
            "content-disposition",
            header("Whether to show the file or to save it, and its name, if it has one."),
        );
        let mut response = described(description, &[&[etag.clone(), ranges.clone(), name], more].concat());
        let bytes = json!({"schema": {"type": "string", "format": "binary"}});
        // The type that the sender gave it; otherwise that of bytes.
        response["content"] = json!({"*/*": bytes, "application/octet-stream": bytes});
        response
    };
    let mut responses = Map::from_iter([
        ("200".to_owned(), file("The file.", &[])),
        ("206".to_owned(), file("The requested part of the file.", std::slice::from_ref(&range))),
        (
            "304".to_owned(),
            described("The file still has the `ETag` in `If-None-Match`.", std::slice::from_ref(&etag)),
        ),
    ]);
    let mut unsatisfiable = described("The file has no such part.", &[etag, ranges, range]);
    unsatisfiable["content"] = json!({"application/json": {
        "schema": {"$ref": "#/components/schemas/FlatError"},
        "example": {"code": "RANGE_NOT_SATISFIABLE_ERROR", "message": "the file has no such part",
            "name": "Range Not Satisfiable", "status": 416},
    }});
    responses.insert("416".to_owned(), unsatisfiable);
    for (status, name, description) in [
        ("401", "Unauthorized", ""),
        ("403", "Forbidden", ""),
        ("404", "NotFound", "There is no such file, or the caller may not see its chat."),
        ("405", "MethodNotAllowed", ""),
        ("409", "Conflict", "The file is being fetched; try again after the seconds in `retry-after`."),
        ("410", "Gone", "The file is not stored: it has expired, or was too large, or was rejected."),
        ("429", "TooManyRequests", ""),
        ("500", "InternalServerError", ""),
        ("503", "ServiceUnavailable", ""),
        ("504", "GatewayTimeout", ""),
    ] {
        let mut response = json!({"$ref": format!("#/components/responses/Chat{name}")});
        if !description.is_empty() {
            response["description"] = json!(description);
        }
        responses.insert(status.to_owned(), response);
    }
    responses
}
