// Shows the OpenAPI document. Nothing is loaded from or sent to another origin: no fonts, no telemetry, no request proxy.
Scalar.createApiReference('#reference', {
  content: withUnsentOptions(withThisOrigin(await (await fetch('openapi.json')).json())),
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  hideModels: true,
  showDeveloperTools: 'never',
  authentication: { preferredSecurityScheme: 'bearer' },
  customCss: `
    :root { --scalar-font: system-ui, sans-serif; --scalar-font-code: ui-monospace, monospace; }
    [data-path]::after {
      content: attr(data-path); display: block; overflow-wrap: anywhere;
      font: 11px/1.4 var(--scalar-font-code); color: var(--scalar-color-2);
    }`,
});

// Each operation has its path below its name in the navigation, which shows the name and the method only.
new MutationObserver(() => {
  for (const link of document.querySelectorAll('aside a[href^="#tag/"]')) {
    const path = /^#tag\/[^/]+\/[A-Z]+(\/.*)/.exec(link.getAttribute('href'))?.[1];
    if (path) link.querySelector(':scope > div:last-of-type').dataset.path = decodeURI(path);
  }
}).observe(document.body, { childList: true, subtree: true });

/** The document, whose quick start has the origin of this page in place of the default one: it can be pasted with any port. */
function withThisOrigin(document) {
  document.info.description = document.info.description.replace(/http:\/\/127\.0\.0\.1:8080/g, location.origin);
  return document;
}

/** The document, with examples of optional parameters that are sent only when a reader selects them. */
function withUnsentOptions(document) {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const parameters = operations.flatMap(({ parameters }) => parameters ?? []);
  for (const parameter of [...parameters, ...Object.values(document.components.parameters ?? {})]) {
    const { required, example, schema } = parameter;
    if (!required && schema) {
      parameter.examples = { example: { value: example ?? schema.default ?? '', 'x-disabled': true } };
      delete parameter.example;
    }
  }
  return document;
}
