{{/* The name of everything in the release. */}}
{{- define "switchboard.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- trunc 53 $name | trimSuffix "-" -}}
{{- end }}

{{/* Labels that never change. Takes the context and a component. */}}
{{- define "switchboard.selector" -}}
app.kubernetes.io/name: {{ .context.Chart.Name }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* All labels. Takes the context and a component. */}}
{{- define "switchboard.labels" -}}
{{ include "switchboard.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version }}
{{- end }}

{{- define "switchboard.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "switchboard.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "switchboard.fullname" .) "default" -}}
{{ .Values.serviceAccount.name | default $own }}
{{- end }}

{{/* The security of every pod: unprivileged, read-only root file system, no access to the cluster's API. */}}
{{- define "switchboard.pod" -}}
automountServiceAccountToken: false
# Service link variables of a service named `switchboard` would be unknown settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "switchboard.container" -}}
image: {{ include "switchboard.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* The variable of a setting: SWITCHBOARD_REQUEST_TIMEOUT for requestTimeout. */}}
{{- define "switchboard.variable" -}}
SWITCHBOARD_{{ snakecase . | upper }}
{{- end }}

{{/* Variables that name the files of secrets. Takes the context and the secrets. */}}
{{- define "switchboard.secretVariables" -}}
{{- range $setting, $secret := .secrets }}
{{- if $secret.existingSecret }}
- name: {{ include "switchboard.variable" $setting }}_FILE
  value: /run/secrets/switchboard/{{ kebabcase $setting }}
{{- end }}
{{- end }}
{{- if .context.Values.databaseAuthority.existingConfigMap }}
- name: PGSSLROOTCERT
  value: /run/secrets/switchboard/database-authority.crt
{{- end }}
{{- end }}

{{- define "switchboard.secretMount" -}}
- name: secrets
  mountPath: /run/secrets/switchboard
  readOnly: true
{{- end }}

{{/* The volume with the secrets. Takes the context and the secrets. */}}
{{- define "switchboard.secretVolume" -}}
- name: secrets
  projected:
    # Readable by the pod's group: root owns the files.
    defaultMode: 0440
    sources:
      {{- range $setting, $secret := .secrets }}
      {{- if $secret.existingSecret }}
      - secret:
          name: {{ $secret.existingSecret }}
          items:
            - key: {{ $secret.key }}
              path: {{ kebabcase $setting }}
      {{- end }}
      {{- end }}
      {{- with .context.Values.databaseAuthority }}
      {{- if .existingConfigMap }}
      - configMap:
          name: {{ .existingConfigMap }}
          items:
            - key: {{ .key }}
              path: database-authority.crt
      {{- end }}
      {{- end }}
{{- end }}

{{/* The volume with the files of the server's certificate. */}}
{{- define "switchboard.tlsVolume" -}}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.tls.existingSecret }}
          items:
            - key: tls.crt
              path: tls.crt
            - key: tls.key
              path: tls.key
      {{- with .Values.tls.clientAuthority }}
      {{- if .existingConfigMap }}
      - configMap:
          name: {{ .existingConfigMap }}
          items:
            - key: {{ .key }}
              path: client-authority.crt
      {{- end }}
      {{- end }}
{{- end }}

{{- define "switchboard.tlsMount" -}}
- name: tls
  mountPath: /run/secrets/tls
  readOnly: true
{{- end }}

{{/* Addresses that webhooks may have: all, or those that the service itself counts as public. */}}
{{- define "switchboard.webhookNetworks" -}}
{{- $isPublic := not .Values.settings.webhookAllowPrivateNetworks }}
- ipBlock:
    cidr: {{ $isPublic | ternary "2000::/3" "::/0" }}
    {{- if $isPublic }}
    except: ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]
    {{- end }}
- ipBlock:
    cidr: 0.0.0.0/0
    {{- if $isPublic }}
    except:
      - 0.0.0.0/8
      - 10.0.0.0/8
      - 100.64.0.0/10
      - 127.0.0.0/8
      - 169.254.0.0/16
      - 172.16.0.0/12
      - 192.0.0.0/24
      - 192.0.2.0/24
      - 192.88.99.0/24
      - 192.168.0.0/16
      - 198.18.0.0/15
      - 198.51.100.0/24
      - 203.0.113.0/24
      - 224.0.0.0/3
    {{- end }}
{{- end }}

{{/* The port and scheme of a probe. With mutual TLS, probes use the metrics port: Kubernetes has no client certificate. */}}
{{- define "switchboard.probe" -}}
{{- if .Values.tls.clientAuthority.existingConfigMap -}}
port: metrics
{{- else if .Values.tls.existingSecret -}}
port: all
scheme: HTTPS
{{- else -}}
port: all
{{- end }}
{{- end }}

{{/* A duration such as 500ms, 10s or 2m in whole seconds, rounded up. */}}
{{- define "switchboard.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" }}{{ div (add $number 999) 1000 }}
{{- else if eq $unit "m" }}{{ mul $number 60 }}
{{- else }}{{ $number }}{{ end -}}
{{- end }}
