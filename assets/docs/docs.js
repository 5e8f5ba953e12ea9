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
});
