"""What goes wrong on the web side, told in both languages: JSON for programs, a page for people who navigate."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from admin.web.languages import page_texts

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence in both languages that says what to do."""

    zh: str
    en: str


class WebError(Exception):
    """An answer other than success: HTTP status, a code for programs, a message for people, extra JSON fields."""

    def __init__(self, status: int, code: str, message: Message, **extra: int | str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.extra = status, code, message, extra


MESSAGES = {
    "bad_request": Message("请求格式不对。", "The request is malformed."),
    "forbidden_host": Message(
        "不允许用这个主机名访问；请把它加入 web.allowed_hosts。",
        "This host name is not allowed; add it to web.allowed_hosts.",
    ),
    "foreign_origin": Message(
        "只接受来自本页面的请求；请从本系统的页面操作。",
        "Requests from other sites are refused; use this system's own page.",
    ),
    "not_json": Message("请以 application/json 发送。", "Send application/json."),
    "not_found": Message("没有这个地址；请回到首页。", "There is nothing at this address; go back to the start page."),
    "wrong_method": Message("这个地址不接受这种请求方法。", "This address does not take this method."),
    "too_large": Message("请求内容太大。", "The request is too large."),
    "fault": Message(
        "系统出错，请稍后再试；详情见日志。", "Something failed here; try again, the log has the details."
    ),
    "no_call": Message("这通电话已经结束，请重新拨打。", "This call is over; dial again."),
    "line_full": Message("浏览器电话线路已满，请稍后再拨。", "All browser lines are taken; dial again in a moment."),
    "too_many_calls": Message("拨打太频繁，请一分钟后再试。", "Too many new calls; try again in a minute."),
    "bad_key": Message("没有这个按键；请用 0-9、*、#。", "There is no such key; use 0-9, * or #."),
    "keys_missing": Message("前面的按键没有收到，请重发。", "Earlier keys have not come; send them again."),
    "form_too_old": Message(
        "这一页放得太久了；请返回、刷新后再提交。", "This page is too old; go back, reload it and send it again."
    ),
    "not_signed_in": Message("请先登录。", "Sign in first."),
    "not_verified": Message("请先完成登录的其余步骤。", "Finish signing in first."),
    "not_allowed": Message(
        "您的角色不能这样做；需要的话请找管理员。",
        "Your role does not allow this; ask an administrator if you need it.",
    ),
    "no_token": Message(
        "请带上有效的接口令牌：Authorization: Bearer …", "Send a token that is in force: Authorization: Bearer …"
    ),
    "no_scope": Message("这个令牌没有所需的范围。", "This token lacks the scope that is needed."),
    "bad_parameter": Message("参数写法不对；见 openapi.json。", "A parameter is wrong; see openapi.json."),
    "bad_body": Message("请求内容不符合要求；见 openapi.json。", "What was sent is not as openapi.json describes it."),
    "cannot": Message("现在不能这样做：", "It can't be done: "),
    "too_many_at_once": Message(
        "要么全收要么全不收时行数太多；请分几次发送，或用 keep_good。",
        "Too many lines to be kept all or none; send them in several requests, or with keep_good.",
    ),
    "too_many_tries": Message("次数太多，请一分钟后再试。", "Too many requests; try again in a minute."),
    "no_data": Message("数据库暂时读不出来：", "The database can't be read at present: "),
}
_BY_STATUS = {404: "not_found", 405: "wrong_method", 413: "too_large", 415: "not_json", 429: "too_many_tries"}


def web_error(status: int, code: str, **extra: int | str) -> WebError:
    """The error of this code, ready to be raised."""
    return WebError(status, code, MESSAGES[code], **extra)


def register_errors(app: Flask) -> None:
    """Answer every error of the application in this form."""
    app.register_error_handler(WebError, error_answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def error_answer(error: WebError) -> Response:
    """The answer to a known error, as JSON or as a page."""
    return _answer(error.status, error.code, error.message, error.extra)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = _BY_STATUS.get(status, "bad_request" if status < 500 else "fault")
    answer = _answer(status, code, MESSAGES[code], {})
    if status == 405 and error.get_response().headers.get("Allow"):
        answer.headers["Allow"] = error.get_response().headers["Allow"]
    return answer


def _unknown(error: Exception) -> Response:
    log.error("web_fault", path=request.path, kind=type(error).__name__, exc_info=error)
    return _answer(500, "fault", MESSAGES["fault"], {})


def _answer(status: int, code: str, message: Message, extra: dict[str, int | str]) -> Response:
    # Browsers that navigate prefer HTML; scripts and programs take anything, and get what they can read.
    wanted = request.accept_mimetypes.best_match(["application/json", "text/html"], default="application/json")
    if request.method == "GET" and wanted == "text/html":
        page = page_texts(request)
        text = message.zh if page.language == "zh" else message.en
        return make_response(render_template("error.html", page=page, status=status, message=text), status)
    body = {"error": {"code": code, "message": {"zh": message.zh, "en": message.en}, **extra}}
    answer = jsonify(body)
    answer.status_code = status
    return answer
