// Shows the OpenAPI document. Nothing is loaded from or sent to another origin: no fonts, no telemetry, no request proxy.
Scalar.createApiReference('#reference', {
  url: 'openapi.json',
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
